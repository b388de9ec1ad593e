/**
 * Where OpenTelemetry's SDK is used; `telemetry.ts` imports it late. Of sdk-node's tree only the part that makes spans
 * and the one that writes OTLP: sdk-node itself takes twice the memory and more (docs/decisions/0017, S13.5).
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import { trace as api, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AlwaysOnSampler, TracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace'
import type { SpanNote, Writer } from './telemetry.ts'

const KIND = { server: SpanKind.SERVER, client: SpanKind.CLIENT, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER }

/** Turns notes into the body of an OTLP/HTTP request. Ids are those of the trace context that went over the wire. */
export function createWriter({ process, workload, version }: { process: string; workload: string; version: string }): Writer {
  const ended: ReadableSpan[] = []
  let next = { traceId: '', spanId: '' }
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': workload, 'service.instance.id': process, 'service.version': version }),
    sampler: new AlwaysOnSampler(), // the edge decided
    idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
    spanProcessors: [{ onStart() {}, onEnd: (span) => void ended.push(span), forceFlush: async () => {}, shutdown: async () => {} }],
  })
  const tracer = provider.getTracer('shop', version)

  function write({ trace, name, kind, startedAt, durationMs, attributes, isError }: SpanNote): void {
    next = trace
    const parent = trace.parentSpanId
    const context = parent === undefined ? ROOT_CONTEXT
      : api.setSpanContext(ROOT_CONTEXT, { traceId: trace.traceId, spanId: parent, traceFlags: TraceFlags.SAMPLED, isRemote: kind === 'server' || kind === 'consumer' })
    const span = tracer.startSpan(name, { kind: KIND[kind], startTime: hrTime(startedAt), attributes }, context)
    if (isError) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end(hrTime(startedAt + durationMs))
  }

  return (notes) => {
    notes.forEach(write)
    return JsonTraceSerializer.serializeRequest(ended.splice(0))!
  }
}

const hrTime = (ms: number): [number, number] => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)]
