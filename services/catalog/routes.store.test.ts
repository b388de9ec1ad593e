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
import { routes } from './routes.ts'
import { catalog } from './service.ts'

const log = createLog('test')
log.level = 'silent'
let database: TestDatabase
let store: Store
let server: http.Server
let access: 'yes' | 'no' | 'away'
let reported: string[] = []
const api = loadApi(readOpenApi(new URL('openapi.yaml', import.meta.url)))

beforeAll(async () => {
  const here = import.meta.dirname
  database = await testDatabase([join(here, 'migrations'), join(here, '../../infra/chassis/migrations')])
  store = createStoreOn(database.config, log, 6)
  const mayEdit = async () => {
    if (access === 'away') throw Unavailable()
    return access === 'yes'
  }
  const app = createApp({ api, store, log: log, report: (e) => reported.push(e.detection), version: '1', routes: routes({ outbox: createOutbox(catalog.publishes), mayEdit, reservationSeconds: 60, now: () => new Date() }) })
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
})

const token = (claims: object) => `Bearer e30.${Buffer.from(JSON.stringify({ act: { sub: 'spiffe://t/mesh/edge' }, ...claims })).toString('base64url')}.e30`
const guest = token({ sub: 'guest:1', role: 'guest' })
const hanok = token({ sub: 'u1', role: 'seller', seller: 'hanok' })
const draft = { name: 'Dawn Bowl', description: 'A bowl.', category: 'Tableware', priceMinor: 1999, currency: 'EUR', stock: 3 }

/** Each answer is checked against the API description, as the micro-gateway would. */
async function call(method: string, path: string, { as = guest, body, headers = {} }: { as?: string; body?: unknown; headers?: Record<string, string> } = {}) {
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
    method, headers: { authorization: as, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers }, ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const type = answer.headers.get('content-type') ?? undefined
  const parsed = type?.includes('json') ? JSON.parse(text) : text === '' ? undefined : text
  expect(api.match(method, path.split('?')[0]!).operation.checkResponse(answer.status, type, parsed)).toBeNull()
  return { status: answer.status, body: parsed, headers: answer.headers }
}
const create = (as = hanok, key = randomUUID(), body: unknown = draft) => call('POST', '/products', { as, body, headers: { 'idempotency-key': key } })

test('pages of the whole assortment name every product once', async () => {
  const seen: string[] = []
  for (let page = 1; ; page++) {
    const { body } = await call('GET', `/products?page=${page}&pageSize=20`)
    expect(body.total).toBeGreaterThanOrEqual(60)
    seen.push(...body.items.map((p: { number: string }) => p.number))
    if (body.items.length < 20) break
  }
  expect(new Set(seen).size).toBe(seen.length)
  const { body } = await call('GET', '/categories')
  expect(body.sellers).toHaveLength(5)
  expect(body.items.length).toBeGreaterThanOrEqual(6)
})

test.each([
  ['candle', true], ['CEDAR smoke', true], ['hanok bowl', true], ['KA-0009', true],
  ['%', false], ['_', false], ['\\', false], ['ca%dle', false], ["' or 1=1 --", false],
])('search for %s finds something: %s', async (search, isFound) => {
  expect((await call('GET', `/products?search=${encodeURIComponent(search)}`)).body.total > 0).toBe(isFound)
})

test('filters combine', async () => {
  const { body } = await call('GET', '/products?seller=lumen&category=Lamps')
  expect(body.items.length).toBe(body.total)
  expect(body.items.every((p: any) => p.seller.id === 'lumen' && p.category === 'Lamps')).toBe(true)
  expect((await call('GET', '/products?seller=hanok&category=Lamps')).body.total).toBe(0)
})

test('product and picture answer 304 to who has them', async () => {
  const { body } = await call('GET', '/products?pageSize=1')
  for (const path of [`/products/${body.items[0].id}`, `/products/${body.items[0].id}/picture`]) {
    const first = await call('GET', path)
    expect(first.status).toBe(200)
    expect((await call('GET', path, { headers: { 'if-none-match': first.headers.get('etag')! } })).status).toBe(304)
  }
  expect((await call('GET', `/products/${randomUUID()}`)).status).toBe(404)
})

test('a seller offers a product once for one key, and edits it as last read', async () => {
  const key = randomUUID()
  const [one, two] = await Promise.all([create(hanok, key), create(hanok, key)])
  expect(two!.body).toEqual(one!.body)
  const { id, number } = one!.body
  expect(number).toMatch(/^HK-0\d{3}$/)
  expect((await create(hanok, key, { ...draft, priceMinor: 1 })).status).toBe(422)
  const put = (etag?: string) => call('PUT', `/products/${id}`, { as: hanok, body: { ...draft, priceMinor: 2099 }, headers: etag ? { 'if-match': etag } : {} })
  expect((await put()).status).toBe(428)
  expect((await put('"7"')).status).toBe(412)
  expect(await put('"1"')).toMatchObject({ status: 200, body: { priceMinor: 2099, version: 2 } })
  expect((await put('"1"')).status).toBe(412)
  expect((await store.query(`select count(*)::int as n from outbox where subject = $1`, [id])).rows[0].n).toBe(2)
})

test('A1 another seller\'s product is not found, whatever access says, and the attempt is reported', async () => {
  const { body: { items: [theirs] } } = await call('GET', '/products?seller=lumen&pageSize=1')
  expect((await call('PUT', `/products/${theirs.id}`, { as: hanok, body: draft, headers: { 'if-match': `"${theirs.version}"` } })).status).toBe(404)
  expect((await call('GET', `/products/${theirs.id}`)).body).toEqual(theirs)
  expect(reported).toContain('ACE1')
})

test.each([['no', 404], ['away', 503]] as const)('an edit is refused when access says %s', async (says, status) => {
  const { body: { id } } = await create()
  access = says
  expect((await call('PUT', `/products/${id}`, { as: hanok, body: draft, headers: { 'if-match': '"1"' } })).status).toBe(status)
  expect((await call('GET', `/products/${id}`)).body.version).toBe(1)
})

test.each(['customer', 'staff', 'guest'])('a %s offers nothing', async (role) => {
  expect((await create(token({ sub: 'u9', role, seller: 'hanok' }))).status).toBe(403)
})

test.each([
  ['price', { priceMinor: 0 }], ['price', { priceMinor: -1 }], ['price', { priceMinor: 0.1 + 0.2 }], ['price', { priceMinor: '10' }], ['price', { priceMinor: 1e20 }],
  ['markup', { name: '<img src=x onerror=alert(1)>' }], ['direction override', { name: 'Cup\u202etxt' }], ['markup', { description: '<script>' }], ['line break', { name: 'a\nb' }],
  ['unknown field', { pictureUrl: 'http://169.254.169.254/' }], ['seller', { seller: 'lumen' }], ['currency', { currency: 'USD' }], ['stock', { stock: -1 }], ['category', { category: 'Weapons' }],
])('A1 a product with a bad %s is refused: %j', async (_what, change) => {
  expect((await create(hanok, randomUUID(), { ...draft, ...change })).status).toBe(400)
})

test('quotes are for known products', async () => {
  const { body: { items } } = await call('GET', '/products?pageSize=2')
  const ids = [...items.map((p: { id: string }) => p.id), randomUUID()]
  const { body } = await call('GET', `/quotes?ids=${ids.join()}`)
  expect(body.items.map((q: any) => [q.productId, q.unitPriceMinor]).sort()).toEqual(items.map((p: any) => [p.id, p.priceMinor]).sort())
  expect((await call('GET', '/quotes?ids=1')).status).toBe(400)
})

test('stock is held, sold and given back over the API', async () => {
  const service = token({ sub: 'spiffe://t/mesh/order', role: 'service' })
  const { body: { id } } = await create()
  const order = randomUUID()
  const lines = [{ productId: id, quantity: 2 }]
  expect((await call('PUT', `/reservations/${order}`, { as: service, body: { lines } })).body.lines).toMatchObject([{ productId: id, unitPriceMinor: 1999, quantity: 2 }])
  expect((await call('PUT', `/reservations/${randomUUID()}`, { as: service, body: { lines } })).body.code).toBe('out-of-stock')
  expect((await call('POST', `/reservations/${order}/commit`, { as: service })).status).toBe(204)
  expect((await call('DELETE', `/reservations/${order}`, { as: service })).status).toBe(204)
  expect((await call('GET', `/products/${id}`)).body.stock).toBe(3)
  expect((await call('POST', `/reservations/${randomUUID()}/commit`, { as: service })).status).toBe(404)
})

test('goods that come back to a shelf filled to the most that a seller may enter are shown and sold', async () => {
  const service = token({ sub: 'spiffe://t/mesh/order', role: 'service' })
  const full = { ...draft, stock: 1_000_000 }
  const { body: { id } } = await create(hanok, randomUUID(), full)
  const order = randomUUID()
  await call('PUT', `/reservations/${order}`, { as: service, body: { lines: [{ productId: id, quantity: 2 }] } })
  expect((await call('PUT', `/products/${id}`, { as: hanok, body: full, headers: { 'if-match': '"2"' } })).status).toBe(200)
  await call('DELETE', `/reservations/${order}`, { as: service })
  expect((await call('GET', `/products/${id}`)).body.stock).toBe(1_000_002)
  expect((await call('GET', `/quotes?ids=${id}`)).body.items[0].stock).toBe(1_000_002)
  expect((await create(hanok, randomUUID(), { ...draft, stock: 1_000_001 })).status).toBe(400)
})

test('a seller\'s ten thousandth product has a number of its own', async () => {
  await store.query(`update sellers set last_number = 9998 where id = 'kopi'`)
  const kopi = token({ sub: 'u2', role: 'seller', seller: 'kopi' })
  const numbers = []
  for (let i = 0; i < 3; i++) numbers.push((await create(kopi)).body.number)
  expect(numbers.map((number: string) => number.split('-')[1])).toEqual(['9999', '10000', '10001'])
})
