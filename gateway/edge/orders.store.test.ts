import { randomUUID } from 'node:crypto'
import { Unavailable } from '@shop/chassis/problem.ts'
import { request } from 'undici'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Page } from './page.ts'
import { hashOf } from './sessions/handle.ts'
import { answer, COOKIE, ORIGINS, startEdge, type Services, type TestEdge } from './test-edge.ts'

const orderId = '01890000-0000-7000-8000-00000000000a'
const at = '2026-03-01T00:00:00.000Z'
const order = { id: orderId, number: 'O-1', status: 'placed', lines: [], totalMinor: 0, currency: 'EUR', placedAt: at, customerId: 'secret-customer', version: 1 }
const invoice = { number: '2026-000001', orderId, issuedAt: at, lines: [], totalMinor: 0, currency: 'EUR', ledger: ['internal'] }
const services: Services = {}
const pages: Record<string, Page> = {
  'GET /orders/{orderId}': async ({ params, api, user }) => {
    const { body } = await api('getOrder', { params: { orderId: params['orderId']! } })
    return { html: `<h1>${user!.name} ${body.order.number} ${body.invoice.state}</h1>` }
  },
  'POST /cart': async ({ form, api }) => {
    await api('putCartLine', { params: { productId: form['productId']! }, body: { quantity: Number(form['quantity']) } })
    return { redirect: '/cart' }
  },
}
let edge: TestEdge
beforeAll(async () => { edge = await startEdge({ services, storefront: { pages, problemPage: ({ title }) => title } }) })
afterAll(() => edge.close())
beforeEach(() => {
  edge.calls.length = 0
  Object.assign(services, {
    'order.getOrder': () => answer(200, order, { etag: '"1"' }), 'order.placeOrder': () => answer(201, order), 'order.putCartLine': () => answer(200, { lines: [], totalMinor: 0, currency: 'EUR', count: 1 }),
    'shipping.findByOrder': () => answer(404, { code: 'not-found' }), 'billing.findByOrder': () => answer(200, invoice),
  })
})

/** A signed-in session without the provider: how one comes to be is proven in sign-in.store.test.ts. */
async function customer() {
  const tab = await edge.tab()
  const handle = tab.cookie().slice(COOKIE.length + 1)
  const session = { handle, hash: hashOf(handle), data: { guestId: '' }, endsAt: 0 }
  await edge.sessions.update(session, (data) => ({ ...data, user: { sub: randomUUID(), name: 'Alice', role: 'customer' }, tokens: { access: 'user-token', id: '', expiresAt: Date.now() + 600_000 } }))
  return { ...tab, session }
}

test('G1 one answer from three services; a part that is absent or away is marked, an order that is not there is not', async () => {
  const alice = await customer()
  const view = await alice.go('GET', `/api/orders/${orderId}`)
  const { customerId: _c, version: _v, ...shown } = order
  const { ledger: _l, ...bill } = invoice
  expect(view.json).toEqual({ order: shown, shipment: { state: 'absent' }, invoice: { state: 'ok', value: bill } })
  expect((await alice.go('GET', `/api/orders/${orderId}`, { headers: { 'if-none-match': String(view.headers['etag']) } })).status).toBe(304)
  services['billing.findByOrder'] = () => { throw Unavailable() }
  expect((await alice.go('GET', `/api/orders/${orderId}`)).json).toMatchObject({ invoice: { state: 'unavailable' } })
  services['order.getOrder'] = () => answer(404, { code: 'not-found', detail: 'order of customer 7' })
  expect(await alice.go('GET', `/api/orders/${orderId}`)).toMatchObject({ status: 404, json: { code: 'not-found', detail: expect.not.stringContaining('customer 7') } })
})

test('A2 an order is placed once per key, and problems of the services keep their names and fields', async () => {
  const alice = await customer()
  const body = JSON.stringify({ delivery: 'standard', name: 'Alice', address: { recipient: 'Alice', line1: 'Row 1', postalCode: '10115', city: 'Berlin', country: 'DE' }, payment: { method: 'card', token: 'tok_12345678' }, agreedTotalMinor: 0, currency: 'EUR' })
  expect(await alice.go('POST', '/api/orders', { body })).toMatchObject({ status: 400, json: { errors: [{ field: 'header.idempotency-key', message: 'is missing' }] } })
  const headers = { 'idempotency-key': randomUUID() }
  expect(await alice.go('POST', '/api/orders', { body, headers })).toMatchObject({ status: 201, headers: { location: `/api/orders/${orderId}` } })
  expect(edge.calls.at(-1)).toMatchObject({ headers, subject: { kind: 'token', token: 'user-token' } })
  services['order.placeOrder'] = () => answer(409, { code: 'out-of-stock', errors: [{ field: 'body.lines[0]', message: 'only 1 left', sql: 'select' }] })
  expect(await alice.go('POST', '/api/orders', { body, headers })).toMatchObject({ status: 409, json: { code: 'out-of-stock', errors: [{ field: 'body.lines[0]', message: 'only 1 left' }] } })
  services['order.placeOrder'] = () => answer(409, { code: 'saga-of-doom', detail: 'at order-2' })
  expect(await alice.go('POST', '/api/orders', { body, headers })).toMatchObject({ status: 409, json: { code: 'conflict', detail: expect.not.stringContaining('order-2') } })
  services['order.placeOrder'] = () => answer(401, { code: 'token-invalid' })
  expect(await alice.go('POST', '/api/orders', { body, headers })).toMatchObject({ status: 502 })
})

test('G3 an order is watched: first state, then each change, until the session ends; four streams and no more', async () => {
  const alice = await customer()
  const watch = async () => {
    const res = await request(`https://127.0.0.1:${edge.port}/api/orders/${orderId}/events`, { dispatcher: edge.agent(), headers: { host: new URL(ORIGINS.web).host, cookie: alice.cookie() } })
    const chunks = res.body[Symbol.asyncIterator]()
    return { status: res.statusCode, type: res.headers['content-type'], next: async () => { const { value, done } = await chunks.next(); return done ? null : String(value) } }
  }
  const stream = await watch()
  expect(stream).toMatchObject({ status: 200, type: 'text/event-stream' })
  expect(await stream.next()).toMatch(/^event: order\nid: [\w-]+\ndata: \{"order":\{"id"/)
  services['order.getOrder'] = () => answer(200, { ...order, status: 'completed' })
  expect(await stream.next()).toContain('"status":"completed"')
  const others = [await watch(), await watch(), await watch()]
  expect(others.map((s) => s.status)).toEqual([200, 200, 200])
  expect((await watch()).status).toBe(429)
  await edge.store.query('delete from sessions where hash = $1', [alice.session.hash])
  expect(await stream.next()).toBeNull()
})

test('pages use the same operations, with the same checks', async () => {
  const alice = await customer()
  const html = { accept: 'text/html' }
  expect(await alice.go('GET', `/orders/${orderId}`, { headers: html })).toMatchObject({ status: 200, text: '<h1>Alice O-1 ok</h1>', headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' } })
  expect(await edge.send('web', 'GET', `/orders/${orderId}`, { headers: html })).toMatchObject({ status: 303, headers: { location: `/login?return=${encodeURIComponent(`/orders/${orderId}`)}` } })
  expect(await alice.go('GET', '/orders/1', { headers: html })).toMatchObject({ status: 400 })
  const { csrfToken } = await alice.refresh()
  const post = (fields: Record<string, string>) => alice.go('POST', '/cart', { body: new URLSearchParams(fields).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-csrf-token': '' } })
  const fields = { productId: orderId, quantity: '2' }
  expect(await post({ ...fields, _csrf: csrfToken })).toMatchObject({ status: 403 }) // an empty header does not fall back to the form
  const form = (f: Record<string, string>) => edge.send('web', 'POST', '/cart', { headers: { cookie: alice.cookie(), origin: ORIGINS.web, 'content-type': 'application/x-www-form-urlencoded', ...html }, body: new URLSearchParams(f).toString() })
  expect(await form({ ...fields, _csrf: csrfToken })).toMatchObject({ status: 303, headers: { location: '/cart' } })
  expect(await form(fields)).toMatchObject({ status: 403 })
  expect(await form({ ...fields, quantity: '1000', _csrf: csrfToken })).toMatchObject({ status: 400 })
})
