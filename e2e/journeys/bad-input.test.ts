import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endpoints, eventually, events, Visitor } from '../shop.ts'

let visitor: Visitor, alice: Visitor, productId: string
beforeAll(async () => {
  visitor = new Visitor()
  alice = await new Visitor().signIn('alice')
  productId = (await visitor.get('/api/products?pageSize=1')).json.items[0].id
})
afterAll(() => Promise.all([visitor.close(), alice.close()]))

test.each([
  ['an unknown parameter', '/api/products?colour=red', 400, 'parameter-unexpected', 'query.colour'],
  ['a parameter twice', '/api/products?page=1&page=2', 400, 'input-invalid', 'query.page'],
  ['a number that is none', '/api/products?page=1e3', 400, 'input-invalid', 'query.page'],
  ['a number out of range', '/api/products?pageSize=100000', 400, 'input-invalid', 'query.pageSize'],
  ['an id that is none', '/api/products/1%27%20or%201=1', 400, 'input-invalid', 'path.productId'],
])('%s is refused with the field named', async (_name, path, status, code, field) => {
  const answer = await visitor.get(path)
  expect([answer.status, answer.json.code, answer.headers.get('content-type')]).toEqual([status, code, 'application/problem+json'])
  expect(answer.json.errors.map((e: any) => e.field)).toContain(field)
  expect(answer.json.traceId).toMatch(/^[0-9a-f]{32}$/)
  await eventually('the event', async () => (await events({ traceId: answer.json.traceId })).length > 0, 5_000)
})

test.each([
  ['an unknown field', { quantity: 1, price: 1 }, 'parameter-unexpected'], ['a text for a number', { quantity: '1' }, 'input-invalid'], ['zero', { quantity: 0 }, 'input-invalid'], ['a fraction', { quantity: 1.5 }, 'input-invalid'],
  ['a list', [1], 'input-invalid'], ['nothing', undefined, 'input-invalid'], ['a key twice', '{"quantity":1,"quantity":2}', 'body-malformed'], ['a broken text', '{"quantity":', 'body-malformed'],
  ['__proto__', '{"quantity":1,"__proto__":{"x":1}}', 'body-malformed'], ['depth', `{"quantity":${'['.repeat(5000)}`, 'body-malformed'],
])('S5.1 a cart line with %s is refused and changes nothing', async (_name, body, code) => {
  const before = (await visitor.get('/api/cart')).text
  const answer = await visitor.send('PUT', `/api/cart/lines/${productId}`, body)
  expect([answer.status, answer.json.code]).toEqual([400, code])
  expect((await visitor.get('/api/cart')).text).toBe(before)
})

test.each([
  ['PUT', 'text/plain', 415, 'media-type-unsupported'],
  ['PATCH', 'application/json', 405, 'method-not-allowed'],
])('%s with %s: %s', async (method, type, status, code) => {
  const answer = await visitor.send(method, `/api/cart/lines/${productId}`, '{"quantity":1}', { 'content-type': type })
  expect([answer.status, answer.json.code]).toEqual([status, code])
})

test('a body over the limit is refused', async () => {
  const answer = await visitor.send('PUT', `/api/cart/lines/${productId}`, JSON.stringify({ quantity: 1, x: 'a'.repeat(200_000) }))
  expect([answer.status, answer.json.code]).toEqual([413, 'body-too-large'])
})

test.each(['price', 'totalMinor', 'customerId', 'status', 'role'])('A2 an order that names its own %s is refused', async (field) => {
  const body = { delivery: 'standard', name: 'x', address: { recipient: 'x', line1: 'y', postalCode: '10115', city: 'z', country: 'DE' }, payment: { method: 'card', token: 'tok_00000000' }, agreedTotalMinor: 1, currency: 'EUR', [field]: 1 }
  const answer = await alice.send('POST', '/api/orders', body, { 'idempotency-key': randomUUID() })
  expect([answer.status, answer.json.code]).toEqual([400, 'parameter-unexpected'])
})

test('S10.1 a change without token, or from another site, is refused', async () => {
  const { csrfToken } = (await visitor.get('/api/session')).json
  const put = (headers: Record<string, string>) => visitor.request('PUT', `/api/cart/lines/${productId}`, { body: { quantity: 1 }, headers })
  for (const headers of [{}, { 'x-csrf-token': 'x'.repeat(43) }, { 'x-csrf-token': csrfToken, 'sec-fetch-site': 'cross-site' }, { 'x-csrf-token': csrfToken, origin: 'https://evil.example', 'sec-fetch-site': 'same-site' }] as Record<string, string>[]) {
    const answer = await put(headers)
    expect([JSON.stringify(headers).slice(0, 40), answer.status]).toEqual([JSON.stringify(headers).slice(0, 40), 403])
  }
})

const inside = endpoints.processes.filter((p) => p.kind !== 'edge' && p.kind !== 'external' && p.name !== 'identity').flatMap((p) => p.address ?? [])

test('S4.1 unknown paths say nothing about what is behind', async () => {
  for (const path of ['/api/none', '/health', '/metrics', '/.git/config', '/v1/health/service/order', '/payments/x', '/api/orders/../orders']) {
    const answer = await visitor.get(path)
    expect(answer.status, path).toBeGreaterThanOrEqual(400)
    expect(answer.status, path).toBeLessThan(500)
    const said = `${[...(answer.headers as any)].join()} ${answer.text}`
    expect(said).not.toMatch(/x-powered-by|express|consul|-gateway|spiffe:|at .+\(.+:\d+:\d+\)/i)
    for (const address of inside) expect(said).not.toContain(address)
  }
})
