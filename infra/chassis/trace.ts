/**
 * W3C trace context: which request a record belongs to.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
import { randomBytes } from 'node:crypto'

/** `spanId` names our own span; `parentSpanId` is whose child it is, absent where a trace begins. */
export type TraceContext = { traceId: string; spanId: string; parentSpanId?: string; isSampled: boolean }

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** Null when absent or malformed, or all zero. */
export function parseTraceparent(header: string | undefined): TraceContext | null {
  const match = TRACEPARENT.exec(header ?? '')
  if (!match || /^0+$/.test(match[1]!) || /^0+$/.test(match[2]!)) return null
  return { traceId: match[1]!, spanId: match[2]!, isSampled: (parseInt(match[3]!, 16) & 1) === 1 }
}

export const newTrace = (isSampled: boolean): TraceContext => ({ traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex'), isSampled })

/** The same trace one hop further. */
export const childOf = (parent: TraceContext): TraceContext => ({ ...parent, spanId: randomBytes(8).toString('hex'), parentSpanId: parent.spanId })

/** The trace of what was received, with a span of our own when spans are made. Null without one. */
export function continueTrace(header: string | undefined): TraceContext | null {
  const received = parseTraceparent(header)
  return received?.isSampled ? childOf(received) : received
}

export const traceparent = (t: TraceContext): string => `00-${t.traceId}-${t.spanId}-${t.isSampled ? '01' : '00'}`
