/**
 * Spans: what a request did where, and for how long (S12.4, S13.5). Made by hand at the few places that matter; nothing
 * is patched. Whether a trace is sampled was decided at the edge, so an unsampled one costs one comparison here.
 *
 * A span is noted when it has ended. The OpenTelemetry SDK turns notes into spans and OTLP in the background; it is
 * loaded for the first sampled trace, so that an idle process does not pay for it (docs/decisions/0017).
 */
import { Problem } from './problem.ts'
import type { Report } from './security-event.ts'
import type { TraceContext } from './trace.ts'

/** All that a span may say, in OpenTelemetry's names and ours. No header, no query, no body, nobody's name. */
export const ATTRIBUTES = [
  'http.request.method',
  /** The path as the API declares it: '/products/{productId}'. */
  'http.route', 'http.response.status_code',
  /** A workload's name. */
  'server.address',
  'messaging.destination.name',
  /** A problem's code. */
  'error.type',
  'shop.operation', 'shop.door',
  /** The control that refused. */
  'shop.control',
  /** The transaction that the narrow token names. */
  'shop.txn',
  /** How long the exchange took, or the cache of its tokens, ms. */
  'shop.token_ms',
] as const

export type Attributes = { [name in (typeof ATTRIBUTES)[number]]?: string | number | undefined }
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer'
export type SpanDetail = { name: string; kind: SpanKind; attributes: Attributes; isError: boolean }
/** `startedAt`: ms since 1970; `durationMs`: by the monotonic clock. */
export type SpanNote = SpanDetail & { trace: TraceContext; startedAt: number; durationMs: number }
export type Writer = (notes: SpanNote[]) => Uint8Array

export type Telemetry = {
  /** The span of `trace` ends now; it began at `startedAt` (performance.now()). `describe` is called for sampled traces only. Nothing waits for it. */
  record(trace: TraceContext | null, startedAt: number, describe: () => SpanDetail): void
  /** Sends what waits, for at most `withinMs`. */
  close(withinMs?: number): Promise<void>
}

export type TelemetryParts = {
  /** 'order-1-gateway'. */
  process: string
  workload: string
  version: string
  /** Hands OTLP/HTTP JSON to the monitor; resolves with its status, rejects when there was no answer. */
  send(body: Uint8Array): Promise<number>
  report: Report
  /** Loads the SDK; a parameter for tests. */
  load?: () => Promise<Writer>
}

/** For parts that run without a monitor. */
export const silent: Telemetry = { record() {}, async close() {} }

/** Spans that wait at most; a span is about 700 bytes. */
export const CAPACITY = 2_048
/** What the monitor takes at once. */
export const BATCH = 128
const LINGER_MS = 1_000
const MAX_TEXT = 128

export function createTelemetry({ process, workload, version, send, report, load = () => import('./otel.ts').then((sdk) => sdk.createWriter({ process, workload, version })) }: TelemetryParts): Telemetry {
  let waiting: SpanNote[] = []
  let dropped = 0
  let writer: Promise<Writer> | undefined
  let sending: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  /** Sends all that waits, then full batches: a message for each few that came meanwhile would cost more than making them. */
  async function pump(): Promise<void> {
    do {
      const batch = waiting.slice(0, BATCH)
      const body = await (writer ??= load()).then((write) => write(batch)).catch(() => undefined)
      const status = body && (await send(body).catch(() => 503))
      if (status === 429 || (status ?? 0) >= 500) {
        await new Promise((resolve) => setTimeout(resolve, LINGER_MS).unref())
        continue
      }
      waiting = waiting.slice(batch.length)
      if (!status || status >= 400) dropped += batch.length
      if (dropped) report({ detection: 'OVERLOAD', control: 'telemetry', strategies: ['S12.4', 'S13.5'], code: 'spans-dropped', severity: 'medium', reason: `${dropped} spans did not fit the buffer, or were refused` })
      dropped = 0
    } while (waiting.length >= BATCH)
    if (waiting.length) later()
  }
  const flush = (): Promise<void> => (sending ??= pump().finally(() => { sending = undefined }))
  const later = () => { timer ??= setTimeout(() => { timer = undefined; void flush() }, LINGER_MS).unref() }
  const flushAll = async () => { while (waiting.length) await flush() }

  return {
    record(trace, startedAt, describe) {
      if (!trace?.isSampled) return
      if (waiting.length >= CAPACITY) return void dropped++
      const durationMs = performance.now() - startedAt
      const { name, kind, attributes, isError } = describe()
      waiting.push({ name: name.slice(0, MAX_TEXT), kind, isError, trace, durationMs, startedAt: performance.timeOrigin + startedAt, attributes: allowed(attributes) })
      if (waiting.length === BATCH) void flush()
      else later()
    },
    async close(withinMs = 1_000) {
      clearTimeout(timer)
      await Promise.race([flushAll(), new Promise((resolve) => setTimeout(resolve, withinMs))])
    },
  }
}

/** The type says it already; this holds also where a type was cast away. */
function allowed(attributes: Attributes): Attributes {
  const kept: Attributes = {}
  for (const name of ATTRIBUTES) {
    const value = attributes[name]
    if (typeof value === 'number') kept[name] = value
    else if (typeof value === 'string' && value !== '') kept[name] = value.slice(0, MAX_TEXT)
  }
  return kept
}

/** A span of one HTTP request, named as OpenTelemetry does: 'GET /products/{productId}'. A server errs from 500 on, for a client 400 is one too. */
export function httpSpan(kind: 'server' | 'client', method: string, route: string | undefined, status: number | undefined, failure: unknown, more: Attributes = {}): SpanDetail {
  const known = METHODS.has(method) ? method : '_OTHER'
  return {
    kind, name: route ? `${known} ${route}` : known,
    isError: status === undefined || status >= (kind === 'server' ? 500 : 400),
    attributes: { 'http.request.method': known, 'http.route': route, 'http.response.status_code': status, ...failureOf(failure, status), ...more },
  }
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

function failureOf(failure: unknown, status: number | undefined): Attributes {
  if (failure instanceof Problem) return { 'error.type': failure.code, 'shop.control': failure.control?.name }
  return failure ? { 'error.type': 'internal' } : status !== undefined && status >= 500 ? { 'error.type': String(status) } : {}
}
