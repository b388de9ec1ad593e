/**
 * W3C trace context: which request a record belongs to.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
import { randomFillSync } from 'node:crypto'

/** `spanId` names our own span; `parentSpanId` is whose child it is, absent where a trace begins. */
export type TraceContext = { traceId: string; spanId: string; parentSpanId?: string; isSampled: boolean }

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Null when absent or malformed, or all zero. */
export function parseTraceparent(header: string | undefined): TraceContext | null {
  if (header === undefined || !TRACEPARENT.test(header)) return null
  return { traceId: header.slice(3, 35), spanId: header.slice(36, 52), isSampled: (parseInt(header.slice(53), 16) & 1) === 1 }
}

const TRACE_DIGITS = 32
const SPAN_DIGITS = 16

/** A call for a few random bytes costs what a call for thousands does, so they are asked for by the thousand; each is used once. */
const pool = Buffer.allocUnsafeSlow(4_096)
let digits = ''
let used = 0
function nextDigits(count: number): string {
  if (used + count > digits.length) {
    digits = randomFillSync(pool).toString('hex')
    used = 0
  }
  return digits.slice(used, (used += count))
}

export const newTrace = (isSampled: boolean): TraceContext => ({ traceId: nextDigits(TRACE_DIGITS), spanId: nextDigits(SPAN_DIGITS), isSampled })

/** The same trace one hop further. */
export const childOf = (parent: TraceContext): TraceContext =>
  ({ traceId: parent.traceId, spanId: nextDigits(SPAN_DIGITS), parentSpanId: parent.spanId, isSampled: parent.isSampled })

/** The trace of what was received, with a span of our own when spans are made. Null without one. */
export function continueTrace(header: string | undefined): TraceContext | null {
  const received = parseTraceparent(header)
  return received?.isSampled ? childOf(received) : received
}

export const traceparent = (t: TraceContext): string => `00-${t.traceId}-${t.spanId}-${t.isSampled ? '01' : '00'}`
