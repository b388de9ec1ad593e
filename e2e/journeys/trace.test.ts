/** A request in the monitor's eyes: one tree of spans, and nothing in it that a person would mind. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endpoints, eventually, Visitor } from '../shop.ts'

let visitor: Visitor, productId: string
beforeAll(async () => {
  visitor = new Visitor()
  productId = (await visitor.get('/api/products?pageSize=1')).json.items[0].id
})
afterAll(() => visitor.close())

type Span = { spanId: string; parentId?: string; producer: string; process: string; kind: string; name: string; startedAt: string; durationMs: number; isError: boolean; attributes: Record<string, string | number> }
const ask = (path: string, token = endpoints.dashboard.testerToken) => visitor.request('GET', new URL(path, endpoints.dashboard.url).href, { headers: { authorization: `Bearer ${token}` } })

/** Asks `path` until one of its requests was sampled and all `count` processes on its way have reported. Most requests are not. */
async function sampled(path: string, name: string, count: number, headers: Record<string, string> = {}): Promise<Span[]> {
  const since = new Date().toISOString()
  return eventually(`a sampled ${name}`, async () => {
    for (let i = 0; i < 10; i++) expect((await visitor.get(path, headers)).status).toBe(200)
    const head = (await ask(`/traces?since=${since}&limit=500`)).json.traces.find((t: any) => t.name === name && t.spans >= count)
    return head && (await ask(`/traces/${head.traceId}`)).json.spans
  }, 60_000)
}

test('S12.4 S13.5 a product read is one tree: edge, its call, catalog\'s gateway, catalog', async () => {
  const spans = await sampled(`/api/products/${productId}`, 'GET /api/products/{productId}', 4)
  const root = spans.find((s) => s.parentId === undefined)!
  const chain = [root]
  for (let next: Span | undefined = root; next; ) {
    const children: Span[] = spans.filter((s) => s.parentId === next!.spanId)
    expect(children.length).toBeLessThanOrEqual(1)
    next = children[0]
    if (next) chain.push(next)
  }
  expect(chain).toHaveLength(spans.length)
  expect(chain.map((s) => [s.producer, s.process.replace(/\d+/, 'N'), s.kind, s.name])).toEqual([
    ['edge', 'edge', 'server', 'GET /api/products/{productId}'],
    ['edge', 'edge', 'client', 'GET /products/{productId}'],
    ['catalog', 'catalog-N-gateway', 'server', 'GET /products/{productId}'],
    ['catalog', 'catalog-N', 'server', 'GET /products/{productId}'],
  ])
  expect(chain[1]!.attributes).toMatchObject({ 'server.address': 'catalog', 'shop.operation': 'getProduct', 'http.response.status_code': 200, 'shop.token_ms': expect.any(Number) })
  // Gateway and service speak of the same transaction: the one in the narrow token.
  expect(chain[3]!.attributes['shop.txn']).toBe(chain[2]!.attributes['shop.txn'])
  for (const span of chain) expect(span.isError || span.durationMs <= 0).toBe(false)
})

test('S12.4-a S13.5-a no cookie, token, query or outside trace gets into a span', async () => {
  const canary = `canary${randomBytes(8).toString('hex')}`
  const outside = randomBytes(16).toString('hex')
  const spans = await sampled(`/api/products?search=${canary}`, 'GET /api/products', 4, {
    'user-agent': canary, referer: `https://${canary}.example/`, traceparent: `00-${outside}-${'1'.repeat(16)}-01`, tracestate: `x=${canary}`, baggage: `x=${canary}`,
  })
  expect(JSON.stringify(spans)).not.toContain(canary)
  for (const value of visitor.cookies.values()) expect(JSON.stringify(spans)).not.toContain(value)
  expect(JSON.stringify(spans)).not.toMatch(/eyJ[\w-]+\./)
  expect((await ask(`/traces/${outside}`)).status).toBe(404)
})

test('traces are for the tester\'s token alone', async () => {
  expect((await ask('/traces', 'wrong')).status).toBe(401)
})
