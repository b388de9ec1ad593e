import { newTrace } from '@shop/chassis/trace.ts'
import type { EdgeCall } from '../edge/call.ts'
import type { Stage } from '../pipeline.ts'

/** Share of requests whose spans are kept; the decision is made here, before any span exists. */
const SAMPLED = 0.1

/** Starts the trace of a request (S12.4). A traceparent from outside is not trusted: it would let anyone join, or flood, our traces. */
export const startTrace = (random: () => number): Stage<EdgeCall> => async (call, next) => {
  call.trace = newTrace(random() < SAMPLED)
  await next()
}
