/**
 * Trace context across hops: one trace id from the edge to the last service, a new span id at every hop.
 * @see https://www.w3.org/TR/trace-context/
 */
import { randomBytes } from 'node:crypto'

export type TraceContext = { traceId: string; spanId: string; isSampled: boolean }

const hex = (bytes: number) => randomBytes(bytes).toString('hex')

export const newTrace = (isSampled = true): TraceContext => ({ traceId: hex(16), spanId: hex(8), isSampled })

/** The same trace with a span id of this hop; a fresh trace when `header` is missing or malformed. */
export function continueTrace(header: string | undefined): TraceContext {
  const parts = header && /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(header)
  if (!parts || /^0+$/.test(parts[1]!) || /^0+$/.test(parts[2]!)) return newTrace()
  return { traceId: parts[1]!, spanId: hex(8), isSampled: (Number.parseInt(parts[3]!, 16) & 1) === 1 }
}

export const traceparent = ({ traceId, spanId, isSampled }: TraceContext): string => `00-${traceId}-${spanId}-0${isSampled ? 1 : 0}`
