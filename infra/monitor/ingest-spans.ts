/** Takes spans in (S12.4, S13.5): in the producer's own name, within its quota, and only what spans may say. */
import type { TLSSocket } from 'node:tls'
import type { ApiHandlers } from '@shop/chassis/control-api.ts'
import type { Report } from '@shop/chassis/security-event.ts'
import { peerOf } from '@shop/chassis/tls.ts'
import { readSpans, type TraceRequest } from './otlp.ts'
import type { Quota } from './producer.ts'
import type { SpanStore } from './span-store.ts'

export type SpanIngestParts = { spans: SpanStore; quota: Quota; trustDomain: string; report: Report; now(): number }

export function spanHandlers({ spans, quota, trustDomain, report, now }: SpanIngestParts): ApiHandlers {
  const strategies = ['S5.1', 'S12.4']
  return {
    async ingestTraces(call) {
      const { workload, spiffeId } = peerOf(call.req.socket as TLSSocket, trustDomain)
      const { spans: good, refused } = readSpans(call.body as TraceRequest, workload, now())
      if (refused.count) {
        report({
          ...(refused.isForged ? { detection: 'EVENT-FORGED', code: 'spans-forged' } : { detection: 'RE8', code: 'spans-malformed', fields: refused.fields }),
          control: 'span-authentication', strategies, severity: refused.isForged ? 'high' : 'medium', subject: spiffeId, reason: `${refused.count} spans were refused`,
        })
      }
      const taken = good.slice(0, quota.take(workload, good.length, now()))
      await spans.keep(workload, taken)
      for (const { producer, dropped } of quota.drops(now()))
        report({ detection: 'OVERLOAD', control: 'span-quota', strategies, code: 'spans-dropped', severity: 'medium', subject: `spiffe://${trustDomain}/mesh/${producer}`, reason: `${dropped} spans were over the quota` })
      const rejectedSpans = refused.count + good.length - taken.length
      return { status: 200, body: rejectedSpans ? { partialSuccess: { rejectedSpans, errorMessage: 'not ours, malformed, or over the quota' } } : {} }
    },
  }
}
