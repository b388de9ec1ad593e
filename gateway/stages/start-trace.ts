import type { EdgeCall } from '../edge/call.ts'
import type { Step } from '../pipeline.ts'

/**
 * Starts the trace of a request (S12.4, S13.5) and decides, before any span exists, whether spans are made: for `ratio` of them.
 * A traceparent from outside is not trusted: it would let anyone join, or flood, our traces.
 */
export const startTrace = (ratio: number, random: () => number): Step<EdgeCall> => (call) => {
  if (random() < ratio) call.trace = { ...call.trace, isSampled: true }
}
