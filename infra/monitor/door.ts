/** What people and tools read. One token opens it; it shows what was detected and lets nobody change it. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { ApiCall, ApiHandlers, ApiReply } from '@shop/chassis/control-api.ts'
import { NotFound, problem } from '@shop/chassis/problem.ts'
import type { EventFilter, EventStore, Since } from './event-store.ts'
import type { Tally } from './ingest.ts'
import type { SpanStore } from './span-store.ts'
import type { Streams } from './stream.ts'

export const TesterTokenRequired = problem('token-required', 401, 'This needs the tester\'s token', 'Send it as a Bearer token; endpoints.json has it', 'TOKEN-INVALID')

export type DoorParts = { events: EventStore; spans: SpanStore; streams: Streams; tallies: Map<string, Tally>; brand: string; testerToken: string; startedAt: string }

export function doorHandlers(d: DoorParts): ApiHandlers {
  const expected = digest(`Bearer ${d.testerToken}`)
  const requireToken = ({ headers }: ApiCall) => {
    if (!timingSafeEqual(digest(headers['authorization'] ?? ''), expected)) throw TesterTokenRequired({ headers: { 'www-authenticate': 'Bearer' } })
  }
  return {
    getPage: () => ({ status: 200, body: page(d.brand), headers: PAGE_HEADERS }),
    async listEvents(call) {
      requireToken(call)
      const { since, limit, ...filter } = call.query as { since?: string; limit: number } & EventFilter
      return { status: 200, body: await d.events.list(sinceOf(since), filter, limit), headers: SAFE }
    },
    async streamEvents(call): Promise<ApiReply> {
      requireToken(call)
      const { since, ...filter } = call.query as { since?: string } & EventFilter
      // A browser that comes back says where it was; that is later than what the address says.
      const after = (call.headers['last-event-id'] as string | undefined) ?? since
      await d.streams.open(call.res, after === undefined ? undefined : BigInt(after), filter)
      return 'sent'
    },
    async listTraces(call) {
      requireToken(call)
      const { since, limit } = call.query as { since?: string; limit: number }
      return { status: 200, body: { traces: await d.spans.recent(since === undefined ? null : new Date(since), limit) }, headers: SAFE }
    },
    async getTrace(call) {
      requireToken(call)
      const { traceId } = call.params as { traceId: string }
      const spans = await d.spans.ofTrace(traceId)
      if (spans.length === 0) throw NotFound({ detail: 'No span of this trace was kept; most are not sampled' })
      return { status: 200, body: { traceId, spans }, headers: SAFE }
    },
    getStatus(call) {
      requireToken(call)
      const producers = [...d.tallies].map(([producer, tally]) => ({ producer, ...tally })).sort((a, b) => a.producer.localeCompare(b.producer))
      return { status: 200, body: { status: 'ok', startedAt: d.startedAt, producers, readers: d.streams.count() }, headers: SAFE }
    },
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()
const sinceOf = (since: string | undefined): Since => (since === undefined ? { cursor: 0n } : /^[0-9]+$/.test(since) ? { cursor: BigInt(since) } : { time: new Date(since) })

const SAFE = { 'x-content-type-options': 'nosniff' }
const PAGE_HEADERS = {
  ...SAFE, 'content-type': 'text/html; charset=utf-8', 'referrer-policy': 'no-referrer',
  'content-security-policy': 'default-src \'none\'; frame-ancestors \'none\'; base-uri \'none\'; form-action \'none\'',
}
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
const page = (brand: string) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(brand)}: monitor</title>
<h1>${escapeHtml(brand)}: monitor</h1>
<p>The system's own processes report here what they refused. With the tester's token:</p>
<ul><li><code>GET /events?since=&amp;strategy=&amp;traceId=&amp;detection=&amp;limit=</code></li><li><code>GET /events/stream</code>: the same, live</li><li><code>GET /traces?since=&amp;limit=</code>, <code>GET /traces/{traceId}</code>: how requests went</li><li><code>GET /status</code></li></ul>
</html>
`
