import { randomUUID } from 'node:crypto'
import { createLog } from '@shop/chassis/log.ts'
import { createOutbox } from '@shop/chassis/outbox.ts'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../../infra/deploy/backing/test-database.ts'
import { events } from './events.ts'
import { shipping } from './service.ts'
import { cancel, carryOne, ship } from './ship.ts'
import { findByOrder } from './store.ts'

let database: TestDatabase, store: Store, now = new Date('2026-03-01T00:00:00Z')
const folder = (path: string) => new URL(path, import.meta.url).pathname
beforeAll(async () => {
  database = await testDatabase([folder('../../infra/chassis/migrations'), folder('./migrations')])
  store = createStoreOn(database.config, createLog('test'))
})
afterAll(async () => {
  await store.close()
  await database.drop()
})

const d = { outbox: createOutbox(shipping.publishes), now: () => now }
const address = { recipient: 'Alice', line1: 'Lantern Row 1', postalCode: '10115', city: 'Berlin', country: 'DE' }
const order = { customerId: 'alice', priority: 'express' as const, address, lines: [{ productId: randomUUID(), name: 'Cup', quantity: 12 }] }
const topics = async (orderId: string) => (await store.query<{ topic: string }>('select topic from outbox where subject = $1 order by position', [orderId])).rows.map((r) => r.topic)
const paid = (orderId: string) => store.transaction((tx) => events(d)['order.paid']!(tx, { id: randomUUID(), source: 'order', type: 'order.paid', subject: orderId, time: '', data: { orderId, customerId: 'alice', delivery: 'express', address, lines: order.lines } }))

test('A5 request and event, in any order and repeated, make one shipment and one event', async () => {
  const orderId = randomUUID()
  await Promise.all([paid(orderId), store.transaction((tx) => ship(d, tx, orderId, order)), paid(orderId), store.transaction((tx) => ship(d, tx, orderId, order))])
  expect(await findByOrder(store, orderId)).toMatchObject({ status: 'created', packages: [{ number: 1 }, { number: 2 }] })
  expect(await topics(orderId)).toEqual(['shipment.created'])
})

test('A6 a cancellation that overtakes the order leaves nothing to ship', async () => {
  const orderId = randomUUID()
  await store.transaction((tx) => cancel(d, tx, orderId))
  await expect(store.transaction((tx) => ship(d, tx, orderId, order))).rejects.toMatchObject({ code: 'order-cancelled' })
  await paid(orderId)
  expect(await findByOrder(store, orderId)).toBeUndefined()
  expect(await topics(orderId)).toEqual([])
})

test('A3 the carrier moves a parcel to the door; then it cannot be cancelled', async () => {
  const orderId = randomUUID()
  await store.transaction((tx) => ship(d, tx, orderId, order))
  for (let i = 0; i < 3; i++) {
    now = new Date(now.getTime() + 60_000)
    while (await store.transaction((tx) => carryOne(d, tx)));
  }
  expect((await findByOrder(store, orderId))!.tracking.map((t) => t.status)).toEqual(['created', 'dispatched', 'in-transit', 'delivered'])
  await expect(store.transaction((tx) => cancel(d, tx, orderId))).rejects.toMatchObject({ code: 'already-dispatched' })
  expect(await topics(orderId)).toEqual(['shipment.created', 'shipment.dispatched', 'shipment.delivered'])
})
