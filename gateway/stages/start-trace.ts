import { newTrace } from '@shop/chassis/trace.ts'
import type { EdgeCall } from '../edge/call.ts'
import type { Stage } from '../pipeline.ts'

/**
 * Starts the trace of a request (S12.4, S13.5) and decides, before any span exists, whether spans are made: for `ratio` of them.
 * A traceparent from outside is not trusted: it would let anyone join, or flood, our traces.
 */
export const startTrace = (ratio: number, random: () => number): Stage<EdgeCall> => async (call, next) => {
  call.trace = newTrace(random() < ratio)
  await next()
}
