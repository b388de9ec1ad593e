import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { createLog } from '@shop/chassis/log.ts'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { testDatabase, type TestDatabase } from '@shop/deploy/backing/test-database.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { commit, expire, release, reserve } from './reservations.ts'

const log = createLog('test')
log.level = 'silent'
let database: TestDatabase
let store: Store
let a: string, b: string
const later = () => new Date(Date.now() + 60_000)

beforeAll(async () => {
  database = await testDatabase([join(import.meta.dirname, 'migrations')])
  store = createStoreOn(database.config, log, 10)
})
afterAll(async () => {
  await store?.close()
  await database?.drop()
})
beforeEach(async () => {
  await store.query('delete from reservations')
  const { rows } = await store.query<{ id: string }>(`update products set stock = 5 where number in ('HK-0001', 'LM-0001') returning id`)
  ;[a, b] = rows.map((r) => r.id).sort() as [string, string]
})

const stock = async (id: string) => (await store.query('select stock from products where id = $1', [id])).rows[0].stock
const hold = (order: string, ...lines: [string, number][]) => store.transaction((tx) => reserve(tx, order, lines.map(([productId, quantity]) => ({ productId, quantity })), later()))

test('holds once, however often it is asked, and gives back once', async () => {
  const order = randomUUID()
  const first = await hold(order, [a, 2], [b, 1])
  expect(first.lines).toMatchObject([{ productId: a, quantity: 2, currency: 'EUR' }, { productId: b, quantity: 1 }])
  expect(await hold(order, [a, 2], [b, 1])).toEqual(first)
  expect([await stock(a), await stock(b)]).toEqual([3, 4])
  for (let i = 0; i < 3; i++) await store.transaction((tx) => release(tx, order))
  expect([await stock(a), await stock(b)]).toEqual([5, 5])
})

test('sold goods come back once when the paid order is cancelled', async () => {
  const order = randomUUID()
  await hold(order, [a, 2])
  for (let i = 0; i < 2; i++) await store.transaction((tx) => commit(tx, order))
  expect(await stock(a)).toBe(3)
  for (let i = 0; i < 2; i++) await store.transaction((tx) => release(tx, order))
  expect(await stock(a)).toBe(5)
})

test('A2 of a hundred orders for the last one, one gets it', async () => {
  await store.query('update products set stock = 1 where id = $1', [a])
  const results = await Promise.allSettled(Array.from({ length: 100 }, () => hold(randomUUID(), [a, 1])))
  expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1)
  expect(results.flatMap((r) => (r.status === 'rejected' ? [r.reason.code] : []))).toEqual(Array(99).fill('out-of-stock'))
  expect(await stock(a)).toBe(0)
})

test('A6 orders that name the same products in opposite order do not deadlock, and stock is exact', async () => {
  await store.query('update products set stock = 30 where id = any($1)', [[a, b]])
  const results = await Promise.allSettled(Array.from({ length: 60 }, async (_, i) => {
    const order = randomUUID()
    await hold(order, ...(i % 2 ? [[a, 1], [b, 1]] : [[b, 1], [a, 1]]) as [string, number][])
    if (i % 3 === 0) await store.transaction((tx) => release(tx, order))
  }))
  expect(results.filter((r) => r.status === 'rejected' && r.reason.code !== 'out-of-stock')).toEqual([])
  const { rows } = await store.query(`select coalesce(sum(l.quantity), 0)::int as out from reservations r, jsonb_to_recordset(r.lines) as l("productId" uuid, quantity int) where r.state = 'held' and l."productId" = $1`, [a])
  expect(await stock(a) + rows[0].out).toBe(30)
})

test('nothing is taken when one line is short, and the line is named', async () => {
  await expect(hold(randomUUID(), [a, 1], [b, 6])).rejects.toMatchObject({ code: 'out-of-stock', options: { errors: [{ field: 'lines[1].quantity' }] } })
  expect(await stock(a)).toBe(5)
})

test('a reservation that arrives after its release takes nothing', async () => {
  const order = randomUUID()
  await store.transaction((tx) => release(tx, order))
  await expect(hold(order, [a, 1])).rejects.toMatchObject({ code: 'conflict' })
  expect(await stock(a)).toBe(5)
})

test('the same order with other lines is refused', async () => {
  const order = randomUUID()
  await hold(order, [a, 1])
  await expect(hold(order, [a, 2])).rejects.toMatchObject({ code: 'conflict' })
  await expect(hold(randomUUID(), [a, 1], [a, 1])).rejects.toMatchObject({ code: 'input-invalid' })
})

test('what expires is given back once by instances that run at the same time; a late commit takes it again if it is there', async () => {
  const [order, other] = [randomUUID(), randomUUID()]
  await hold(order, [a, 4])
  await store.query(`update reservations set expires_at = now() - interval '1 s' where order_id = $1`, [order])
  const counts = await Promise.all(Array.from({ length: 4 }, () => expire(store)))
  expect(counts.reduce((x, y) => x + y)).toBe(1)
  expect(await stock(a)).toBe(5)
  await store.transaction((tx) => commit(tx, order))
  expect(await stock(a)).toBe(1)
  await store.query(`update reservations set state = 'expired' where order_id = $1`, [order])
  await hold(other, [a, 1])
  await expect(store.transaction((tx) => commit(tx, order))).rejects.toMatchObject({ code: 'out-of-stock' })
})
