import { randomUUID } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createLog } from '@shop/chassis/log.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import { createOutbox } from '@shop/chassis/outbox.ts'
import { Unavailable } from '@shop/chassis/problem.ts'
import { createApp } from '@shop/chassis/server.ts'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { testDatabase, type TestDatabase } from '@shop/deploy/backing/test-database.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createAdvance } from './advance.ts'
import { forgetGuests } from './carts.ts'
import { routes } from './routes.ts'
import { order } from './service.ts'

const log = createLog('test')
log.level = 'silent'
let database: TestDatabase
let store: Store
let server: http.Server
let access: 'yes' | 'no' | 'away'
let reported: string[] = []
const api = loadApi(readOpenApi(new URL('openapi.yaml', import.meta.url)))
const [cup, vase] = [randomUUID(), randomUUID()]
/** Catalog's shelf for these tests: price and stock by product. */
const shelf = new Map<string, { unitPriceMinor: number; stock: number }>()

beforeAll(async () => {
  const here = import.meta.dirname
  database = await testDatabase([join(here, 'migrations'), join(here, '../../infra/chassis/migrations')])
  store = createStoreOn(database.config, log, 6)
  const outbox = createOutbox(order.publishes)
  const app = createApp({
    api, store, log, report: (e) => reported.push(e.detection), version: '1',
    routes: routes({
      store, outbox, advance: createAdvance(outbox, 1_000),
      quote: async (_caller, ids) => ids.flatMap((productId) => (shelf.has(productId) ? [{ productId, number: 'HK-0001', name: 'Thing', seller: 'Hanok', currency: 'EUR', ...shelf.get(productId)! }] : [])),
      mayCancel: async () => {
        if (access === 'away') throw Unavailable()
        return access === 'yes'
      },
    }),
  })
  server = http.createServer(app).listen(0)
})
afterAll(async () => {
  server?.close()
  await store?.close()
  await database?.drop()
})
beforeEach(() => {
  access = 'yes'
  reported = []
  shelf.set(cup, { unitPriceMinor: 1_999, stock: 10 }).set(vase, { unitPriceMinor: 501, stock: 10 })
})

const token = (claims: object) => `Bearer e30.${Buffer.from(JSON.stringify({ act: { sub: 'spiffe://t/mesh/edge' }, ...claims })).toString('base64url')}.e30`
const customer = () => token({ sub: randomUUID(), role: 'customer' })
const staff = token({ sub: randomUUID(), role: 'staff' })
const address = { recipient: 'Ada Lovelace', line1: 'Way 1', postalCode: '10115', city: 'Berlin', country: 'DE' }
const wish = (agreedTotalMinor: number, change: object = {}) =>
  ({ delivery: 'express', name: 'Ada', address, payment: { method: 'card', token: 'tok_12345678' }, agreedTotalMinor, currency: 'EUR', ...change })

/** Each answer is checked against the API description, as the micro-gateway would. */
async function call(method: string, path: string, as: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
    method, headers: { authorization: as, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers }, ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const parsed = text === '' ? undefined : JSON.parse(text)
  expect(api.match(method, path.split('?')[0]!).operation.checkResponse(answer.status, answer.headers.get('content-type') ?? undefined, parsed)).toBeNull()
  return { status: answer.status, body: parsed, headers: answer.headers }
}
const put = (as: string, productId: string, quantity: unknown) => call('PUT', `/cart/lines/${productId}`, as, { quantity })
const place = (as: string, body: unknown, key = randomUUID()) => call('POST', '/orders', as, body, { 'idempotency-key': key })
async function placed(as: string) {
  await put(as, cup, 1)
  return (await place(as, wish(1_999))).body
}

test('a cart holds what was put in, at today\'s prices', async () => {
  const ada = customer()
  await put(ada, vase, 1)
  await put(ada, cup, 1)
  await put(ada, vase, 3)
  const { body } = await put(ada, cup, 2)
  expect(body).toMatchObject({ totalMinor: 2 * 1_999 + 3 * 501, currency: 'EUR', count: 5, lines: [{ productId: vase, quantity: 3, available: true }, { productId: cup, lineTotalMinor: 3_998 }] })
  shelf.set(cup, { unitPriceMinor: 2_000, stock: 1 })
  expect((await call('GET', '/cart', ada)).body.lines[1]).toMatchObject({ unitPriceMinor: 2_000, available: false })
  expect((await call('DELETE', `/cart/lines/${vase}`, ada)).body.lines).toHaveLength(1)
  expect((await put(ada, randomUUID(), 1)).status).toBe(404)
  expect((await call('GET', '/cart', customer())).body).toEqual({ lines: [], totalMinor: 0, currency: 'EUR', count: 0 })
})

test.each([0, -1, 1.5, 100, 2 ** 53, '1', '1e3', null, true])('A2 a quantity of %j is refused', async (quantity) => {
  expect((await put(customer(), cup, quantity)).status).toBe(400)
})

test('a cart holds 50 products, also when 60 come at once', async () => {
  const ada = customer()
  const products = Array.from({ length: 60 }, () => randomUUID())
  for (const id of products) shelf.set(id, { unitPriceMinor: 1, stock: 1 })
  const answers = await Promise.all(products.map((id) => put(ada, id, 1)))
  expect(answers.filter((a) => a.status === 409).map((a) => a.body.code)).toEqual(Array(10).fill('cart-full'))
  expect((await call('GET', '/cart', ada)).body.count).toBe(50)
})

test('the dearest cart there can be is shown, and is more than one payment', async () => {
  const ada = customer()
  const products = Array.from({ length: 50 }, () => randomUUID())
  for (const id of products) {
    shelf.set(id, { unitPriceMinor: 10_000_000, stock: 99 })
    await put(ada, id, 99)
  }
  const { totalMinor } = (await call('GET', '/cart', ada)).body
  expect(totalMinor).toBe(50 * 99 * 10_000_000)
  expect((await place(ada, wish(totalMinor))).body.code).toBe('total-too-high')
})

test('the guest\'s cart becomes the user\'s, once', async () => {
  const guestId = randomUUID()
  const [guest, ada] = [token({ sub: `guest:${guestId}`, role: 'guest' }), customer()]
  await put(guest, cup, 3)
  await put(guest, vase, 1)
  await put(ada, cup, 98)
  for (let i = 0; i < 2; i++) expect((await call('POST', '/cart/merge', ada, { guestId })).body.lines.map((l: any) => l.quantity)).toEqual([99, 1])
  expect((await call('GET', '/cart', guest)).body.count).toBe(0)
})

test('carts of guests are forgotten after a month, carts of users are not', async () => {
  const [guest, ada] = [token({ sub: `guest:${randomUUID()}`, role: 'guest' }), customer()]
  await Promise.all([put(guest, cup, 1), put(ada, cup, 1)])
  await store.query(`update carts set touched_at = now() - interval '31 days'`)
  await forgetGuests(store)
  expect((await call('GET', '/cart', guest)).body.count).toBe(0)
  expect((await call('GET', '/cart', ada)).body.count).toBe(1)
})

test('a profile is edited as last read', async () => {
  const ada = customer()
  const first = await call('GET', '/profile', ada)
  expect(first.body).toEqual({ name: '', addresses: [], version: 0 })
  const edit = (etag?: string) => call('PUT', '/profile', ada, { name: 'Ada', addresses: [address] }, etag ? { 'if-match': etag } : {})
  expect((await edit()).status).toBe(428)
  expect((await edit(first.headers.get('etag')!)).body).toEqual({ name: 'Ada', addresses: [address], version: 1 })
  expect((await edit('"0"')).status).toBe(412)
  expect((await edit('"1"')).headers.get('etag')).toBe('"2"')
})

test('an order is placed at the agreed total and empties the cart', async () => {
  const ada = customer()
  await put(ada, cup, 2)
  const { status, body, headers } = await place(ada, wish(3_998))
  expect(status).toBe(201)
  expect(body).toMatchObject({ status: 'placed', totalMinor: 3_998, lines: [{ productId: cup, quantity: 2, unitPriceMinor: 1_999 }], payment: { method: 'card', status: 'pending' } })
  expect(JSON.stringify(body)).not.toContain('tok_12345678')
  expect((await call('GET', '/cart', ada)).body.count).toBe(0)
  expect((await call('GET', `/orders/${body.id}`, ada, undefined, { 'if-none-match': headers.get('etag')! })).status).toBe(304)
  expect((await store.query('select topic from outbox where subject = $1', [body.id])).rows).toEqual([{ topic: 'order.placed' }])
})

test('A2 what was not agreed to, or is not there, is no order', async () => {
  const ada = customer()
  expect((await place(ada, wish(0))).body.code).toBe('cart-empty')
  await put(ada, cup, 2)
  expect((await place(ada, wish(1))).body.code).toBe('price-changed')
  expect((await place(ada, wish(3_998, { currency: 'USD' }))).body.code).toBe('price-changed')
  expect(reported).toEqual(['IE4', 'IE4'])
  shelf.set(cup, { unitPriceMinor: 1_999, stock: 1 })
  expect((await place(ada, wish(3_998))).body).toMatchObject({ code: 'out-of-stock', errors: [{ field: 'cart.lines[0].quantity' }] })
  expect((await call('GET', '/cart', ada)).body.count).toBe(2)
})

test.each([
  ['price', { price: 1 }], ['total', { totalMinor: 1 }], ['discount', { discount: 100 }], ['status', { status: 'completed' }], ['customer', { customerId: randomUUID() }],
  ['card number', { payment: { method: 'card', token: 'tok_12345678', number: '4242424242424242' } }], ['address field', { address: { ...address, extra: 1 } }],
  ['line break in an address', { address: { ...address, line1: 'a\r\nb' } }], ['country', { address: { ...address, country: 'Germany' } }], ['method', { payment: { method: 'cash', token: 'tok_12345678' } }],
  ['negative total', { agreedTotalMinor: -1 }], ['fraction', { agreedTotalMinor: 0.5 }], ['text for a number', { agreedTotalMinor: '3998' }],
])('A2 an order with a bad %s is refused', async (_what, change) => {
  expect((await place(customer(), wish(3_998, change))).status).toBe(400)
})

test('S8.3 one key is one order, fifty times at once; another body under it is refused', async () => {
  const ada = customer()
  const key = randomUUID()
  await put(ada, cup, 1)
  const answers = await Promise.all(Array.from({ length: 50 }, () => place(ada, wish(1_999), key)))
  expect(new Set(answers.map((a) => `${a.status} ${JSON.stringify(a.body)}`)).size).toBe(1)
  expect((await call('GET', '/orders', ada)).body.total).toBe(1)
  expect((await place(ada, wish(2_000), key)).status).toBe(422)
  const eve = customer()
  await put(eve, cup, 1)
  expect((await place(eve, wish(1_999), key)).body.id).not.toBe(answers[0]!.body.id)
})

test('A2 one cart is one order, also under different keys at once', async () => {
  const ada = customer()
  await put(ada, cup, 1)
  const answers = await Promise.all(Array.from({ length: 10 }, () => place(ada, wish(1_999))))
  expect(answers.map((a) => a.body.code ?? a.status).sort()).toEqual([201, ...Array(9).fill('cart-empty')])
})

test('others do not find an order, staff do; the attempt is reported', async () => {
  const ada = customer()
  const { id } = await placed(ada)
  const eve = customer()
  for (const [method, path] of [['GET', `/orders/${id}`], ['POST', `/orders/${id}/cancel`]] as const) {
    reported = []
    const key: Record<string, string> = method === 'POST' ? { 'idempotency-key': randomUUID() } : {}
    expect((await call(method, path, eve, undefined, key)).body.code).toBe('not-found')
    expect(reported).toEqual(['ACE1'])
  }
  expect((await call('GET', `/orders/${id}`, staff)).body.status).toBe('placed')
  expect((await call('GET', '/orders', eve)).body).toMatchObject({ items: [], total: 0 })
  expect((await call('GET', '/orders?pageSize=50', staff)).body.items.some((o: any) => o.id === id)).toBe(true)
})

test('history is paged, newest first', async () => {
  const ada = customer()
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.unshift((await placed(ada)).id)
  const pages = await Promise.all([1, 2, 3, 4].map((page) => call('GET', `/orders?page=${page}&pageSize=2`, ada)))
  expect(pages.flatMap((p) => p.body.items.map((o: any) => o.id))).toEqual(ids)
  expect(pages.map((p) => p.body.total)).toEqual([5, 5, 5, 5])
})

test('a wish to cancel is kept until the step in flight is known, and is refused twice', async () => {
  const ada = customer()
  const { id } = await placed(ada)
  const cancel = (key = randomUUID()) => call('POST', `/orders/${id}/cancel`, ada, undefined, { 'idempotency-key': key })
  const key = randomUUID()
  const first = await cancel(key)
  expect(first.body).toMatchObject({ status: 'cancelling', version: 2 })
  expect((await cancel(key)).body).toEqual(first.body)
  expect((await cancel()).body.code).toBe('not-cancellable')
})

test.each([['no', 404], ['away', 503]] as const)('cancelling is refused when access says %s', async (says, status) => {
  const ada = customer()
  const { id } = await placed(ada)
  access = says
  expect((await call('POST', `/orders/${id}/cancel`, ada, undefined, { 'idempotency-key': randomUUID() })).status).toBe(status)
  expect((await call('GET', `/orders/${id}`, ada)).body.status).toBe('placed')
})
