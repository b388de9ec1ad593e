/**
 * Reads an OTLP/HTTP trace request (JSON) as far as we keep it. What a span may say is an allow list here too: a producer
 * that was taken over cannot put a token or a name into the monitor, only refuse to report.
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
import { ATTRIBUTES, type Attributes } from '@shop/chassis/telemetry.ts'
import { z } from 'zod'
import { isOwnSource } from './producer.ts'
import type { Span } from './span-store.ts'

const text = z.string().max(128).regex(/^[^\u0000-\u001f\u007f]*$/)
const hex = (digits: number) => z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${digits}}$`))
const nanos = z.string().regex(/^[0-9]{1,20}$/)
const attribute = z.object({
  key: z.enum(ATTRIBUTES),
  value: z.union([z.strictObject({ stringValue: text }), z.strictObject({ intValue: z.union([z.int(), z.string().regex(/^-?[0-9]{1,15}$/).transform(Number)]) }), z.strictObject({ doubleValue: z.number() })]),
})
const spanSchema = z.object({
  traceId: hex(32), spanId: hex(16), parentSpanId: hex(16).optional(), name: text.min(1), kind: z.int().min(1).max(5),
  startTimeUnixNano: nanos, endTimeUnixNano: nanos, attributes: z.array(attribute).max(ATTRIBUTES.length).default([]),
  status: z.object({ code: z.int().min(0).max(2).default(0) }).default({ code: 0 }),
})
const resourceSchema = z.object({ attributes: z.array(z.object({ key: text, value: z.object({ stringValue: text }) })).max(8) })

const KINDS = ['internal', 'server', 'client', 'producer', 'consumer'] as const
const DAY_MS = 86_400_000

/** What the document in openapi.yaml guarantees before we look. */
export type TraceRequest = { resourceSpans: { resource: unknown; scopeSpans: { spans: unknown[] }[] }[] }
export type Refused = { count: number; isForged: boolean; fields: string[] }

/** Each span is judged alone; a resource that is not the workload's own is refused whole. */
export function readSpans({ resourceSpans }: TraceRequest, workload: string, nowMs: number): { spans: Span[]; refused: Refused } {
  const spans: Span[] = []
  const refused: Refused = { count: 0, isForged: false, fields: [] }
  for (const { resource, scopeSpans } of resourceSpans) {
    const given = scopeSpans.flatMap((scope) => scope.spans)
    const known = resourceSchema.safeParse(resource)
    const about = new Map(known.success ? known.data.attributes.map(({ key, value }) => [key, value.stringValue]) : [])
    const process = about.get('service.instance.id') ?? ''
    if (about.get('service.name') !== workload || !isOwnSource(process, workload)) {
      refused.count += given.length
      refused.isForged = true
      continue
    }
    for (const raw of given) {
      const checked = spanSchema.safeParse(raw)
      const times = checked.success && timesOf(checked.data.startTimeUnixNano, checked.data.endTimeUnixNano, nowMs)
      if (!checked.success || !times) {
        refused.count++
        if (refused.fields.length < 5) refused.fields.push(checked.success ? 'startTimeUnixNano' : checked.error.issues[0]!.path.join('.').slice(0, 128))
        continue
      }
      const { traceId, spanId, parentSpanId, name, kind, attributes, status } = checked.data
      spans.push({
        traceId, spanId, ...(parentSpanId && { parentId: parentSpanId }), process, version: about.get('service.version') ?? '', name, kind: KINDS[kind - 1]!, ...times,
        isError: status.code === 2, attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])) as Attributes,
      })
    }
  }
  return { spans, refused }
}

/** Null for what cannot be: an end before its start, or a day from now. A span that waited for us is younger than that. */
function timesOf(start: string, end: string, nowMs: number): Pick<Span, 'startedAt' | 'durationMs'> | null {
  const startMs = Number(BigInt(start) / 1000n) / 1000
  const durationMs = Number(BigInt(end) - BigInt(start)) / 1e6
  if (Math.abs(startMs - nowMs) > DAY_MS || durationMs < 0 || durationMs > DAY_MS) return null
  return { startedAt: withMicros(startMs), durationMs }
}

/** PostgreSQL keeps microseconds, which Date does not write: children sort behind their parents. */
const withMicros = (ms: number): string => new Date(ms).toISOString().replace('Z', `${String(Math.floor((ms % 1) * 1000)).padStart(3, '0')}Z`)
