/** Spans in PostgreSQL (S13.5): kept once by trace, id and producer; read as one trace, or as the requests that began lately. */
import type { Attributes } from '@shop/chassis/telemetry.ts'
import type { Store } from '@shop/chassis/store.ts'

export type Span = {
  traceId: string
  spanId: string
  /** Absent where the trace begins. */
  parentId?: string
  /** 'order-1', 'order-1-gateway'. */
  process: string
  version: string
  name: string
  kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  /** RFC 3339. */
  startedAt: string
  durationMs: number
  isError: boolean
  attributes: Attributes
}
/** `producer` is the monitor's own word: the workload in the certificate. */
export type KeptSpan = Span & { producer: string }
export type TraceHead = Pick<KeptSpan, 'traceId' | 'name' | 'producer' | 'startedAt' | 'durationMs' | 'isError' | 'attributes'> & { spans: number }

export type SpanStore = {
  keep(producer: string, spans: Span[]): Promise<void>
  /** In the order they began, at most 1,000; empty for a trace that nobody knows. */
  ofTrace(traceId: string): Promise<KeptSpan[]>
  /** Newest first: what began a trace and arrived at `since` or later. */
  recent(since: Date | null, limit: number): Promise<TraceHead[]>
  /** Makes tomorrow's partition, drops those older than 3 days. */
  tend(): Promise<void>
}

type Row = { trace_id: string; span_id: string; parent_id: string | null; producer: string; process: string; version: string; name: string; kind: Span['kind']; started_at: Date; duration_ms: number; is_error: boolean; attributes: Attributes; spans: string }

export function createSpanStore(store: Store): SpanStore {
  return {
    async keep(producer, spans) {
      if (spans.length === 0) return
      await store.query(
        `insert into spans (producer, trace_id, span_id, parent_id, process, version, name, kind, started_at, duration_ms, is_error, attributes)
         select $1, s->>'traceId', s->>'spanId', s->>'parentId', s->>'process', s->>'version', s->>'name', s->>'kind',
                (s->>'startedAt')::timestamptz, (s->>'durationMs')::float8, (s->>'isError')::boolean, s->'attributes'
         from jsonb_array_elements($2::jsonb) as given(s)
         on conflict do nothing`, [producer, JSON.stringify(spans)])
    },
    async ofTrace(traceId) {
      const { rows } = await store.query<Row>('select * from spans where trace_id = $1 order by started_at, parent_id nulls first limit 1000', [traceId])
      return rows.map((r) => ({
        traceId: r.trace_id, spanId: r.span_id, ...(r.parent_id && { parentId: r.parent_id }), producer: r.producer, process: r.process, version: r.version,
        name: r.name, kind: r.kind, startedAt: r.started_at.toISOString(), durationMs: r.duration_ms, isError: r.is_error, attributes: r.attributes,
      }))
    },
    async recent(since, limit) {
      const { rows } = await store.query<Row>(
        `select r.*, (select count(*) from spans s where s.trace_id = r.trace_id) as spans
         from spans r where parent_id is null and ($1::timestamptz is null or received_at >= $1) order by received_at desc limit $2`, [since, limit])
      return rows.map((r) => ({
        traceId: r.trace_id, name: r.name, producer: r.producer, startedAt: r.started_at.toISOString(), durationMs: r.duration_ms, isError: r.is_error, attributes: r.attributes, spans: Number(r.spans),
      }))
    },
    async tend() {
      await store.query('select tend_span_days()')
    },
  }
}
