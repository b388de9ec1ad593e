import { spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '@shop/chassis/log.ts'
import { createNeighbours } from '@shop/chassis/neighbour.ts'
import { createOutbox } from '@shop/chassis/outbox.ts'
import { Unavailable } from '@shop/chassis/problem.ts'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { testDatabase, type TestDatabase } from '@shop/deploy/backing/test-database.ts'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createAdvance } from './advance.ts'
import { paymentSteps } from './billing.ts'
import { stockSteps } from './catalog.ts'
import type { State } from './domain/saga.ts'
import { eventHandlers } from './events.ts'
import { order as service } from './service.ts'
import { shipmentSteps } from './shipping.ts'
import { claim, find, insert, lock, type Draft, type Order } from './store.ts'
import { startNeighbours, type Behaviour, type World } from './test-neighbours.ts'
import { backOffMs, startWorker } from './worker.ts'

const log = createLog('test')
log.level = 'silent'
let database: TestDatabase
let store: Store
const closing: (() => Promise<unknown>)[] = []
const advance = createAdvance(createOutbox(service.publishes), 300)

beforeAll(async () => {
  const here = import.meta.dirname
  database = await testDatabase([join(here, 'migrations'), join(here, '../../infra/chassis/migrations')])
  store = createStoreOn(database.config, log, 8)
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await store.query('delete from orders')
  await store.query('delete from outbox')
})
afterAll(async () => {
  await store?.close()
  await database?.drop()
})

const draft = (change: Partial<Draft> = {}): Draft => ({
  subject: '6f1f9d3e-0000-4000-8000-000000000001', name: 'Ada', address: { recipient: 'Ada', line1: 'Way 1', postalCode: '10115', city: 'Berlin', country: 'DE' },
  lines: [{ productId: '6f1f9d3e-0000-4000-8000-0000000000aa', number: 'HK-0001', name: 'Cup', quantity: 2, unitPriceMinor: 500, lineTotalMinor: 1_000 }],
  totalMinor: 1_000, currency: 'EUR', method: 'card', paymentToken: 'tok_12345678', delivery: 'express', traceparent: '', ...change,
})
const place = (change?: Partial<Draft>) => store.transaction((tx) => insert(tx, draft(change)))
const cancel = (id: string) => store.transaction(async (tx) => advance(tx, (await lock(tx, id))!, { type: 'cancel' }))
const reaches = (id: string, ...states: State[]) => vi.waitFor(async () => {
  const order = (await find(store, id))!
  expect(states).toContain(order.saga.state)
  return order
}, { timeout: 10_000, interval: 20 })

async function setUp(behaviour: Partial<Behaviour> = {}, parts: { pollMs?: number; giveUpMs?: number; leaseMs?: number; store?: Store; isWorking?: boolean } = {}): Promise<{ world: World; socket: string }> {
  const socket = join(tmpdir(), `order-${process.pid}-${randomInt(1e9)}`)
  const { world, close } = await startNeighbours(socket, Object.assign(behaviour, { loss: 0, delayMs: 0, random: Math.random, isOutOfStock: () => false, isDeclined: () => false, ...behaviour }))
  const { of, close: hangUp } = createNeighbours(socket)
  closing.push(close, hangUp)
  if (parts.isWorking !== false)
    closing.push(await startWorker({
      store: parts.store ?? store, advance, log, name: 'order-1', leaseMs: parts.leaseMs ?? 2_000, pollMs: parts.pollMs ?? 30, giveUpMs: parts.giveUpMs ?? 60_000, concurrency: 4, now: () => new Date(), random: Math.random,
      steps: { ...stockSteps(of('catalog')), ...paymentSteps(of('billing')), ...shipmentSteps(of('shipping')) },
    }))
  return { world, socket }
}
/** The store, away from the first step's outcome for so long. */
function awayOnce(ms: number): Store {
  let until: number | undefined
  const there = <T>(work: () => Promise<T>): Promise<T> => (until !== undefined && Date.now() < until ? Promise.reject(Unavailable()) : work())
  return {
    ...store,
    query: (text, values) => there(() => store.query(text, values)),
    transaction: (work) => { until ??= Date.now() + ms; return there(() => store.transaction(work)) },
  }
}
const topics = async (id: string) => (await store.query('select topic from outbox where subject = $1 order by position', [id])).rows.map((r) => r.topic)

test('A6 an order whose step could not be stored goes on when the store is back, not when the lease ends', async () => {
  const { world } = await setUp({}, { leaseMs: 60_000, store: awayOnce(2_500) })
  const { id } = await place()
  await reaches(id, 'completed')
  expect(world.money.get(id)).toMatchObject({ charged: 1_000, authorized: 0 })
}, 15_000)

test('an express order is completed as soon as it is placed, not at the next poll, and forgets its payment token', async () => {
  const { world } = await setUp({}, { pollMs: 60_000 })
  const { id } = await place()
  const order = await reaches(id, 'completed')
  expect(order.history.map((h) => h.status)).toEqual(['placed', 'reserved', 'authorized', 'prepared', 'captured', 'completed'])
  expect(order.paymentToken).toBeNull()
  expect(world.money.get(id)).toMatchObject({ charged: 1_000, authorized: 0 })
  expect([world.stock.get(id), world.parcels.get(id)]).toEqual(['sold', 'created'])
  expect(await topics(id)).toEqual(['order.paid', 'order.completed'])
})

test('A5 a standard order waits for the event, and asks when it does not come', async () => {
  const { world } = await setUp()
  const [heard, unheard] = [await place({ delivery: 'standard' }), await place({ delivery: 'standard' })]
  await reaches(heard.id, 'authorized')
  world.parcels.set(heard.id, 'created')
  await store.transaction((tx) => eventHandlers(advance)['shipment.created']!(tx, { data: { orderId: heard.id } } as any))
  await reaches(heard.id, 'completed')
  await reaches(unheard.id, 'completed')
  expect(world.calls.get(`shipping PUT /shipments/${heard.id}`)).toBeUndefined()
  expect(world.calls.get(`shipping PUT /shipments/${unheard.id}`)).toBe(1)
})

test.each([['isOutOfStock', 'out-of-stock', 'cancelled'], ['isDeclined', 'declined', 'declined']] as const)('%s: rejected, nothing held, the cart is as before', async (what, reason, payment) => {
  const { world } = await setUp({ [what]: () => true })
  const { id, subject } = await place()
  expect((await reaches(id, 'rejected')).saga).toMatchObject({ reason, payment })
  expect(world.stock.get(id)).not.toBe('held')
  expect((await store.query('select quantity from cart_lines where subject = $1', [subject])).rows).toEqual([{ quantity: 2 }])
  await store.query('delete from carts')
})

test('cancelled after payment: refunded, stock back, parcel stopped; once the parcel left it is refused', async () => {
  const { world } = await setUp()
  const [early, late] = [await place(), await place()]
  await reaches(early.id, 'completed')
  await cancel(early.id)
  expect((await reaches(early.id, 'cancelled')).saga.payment).toBe('refunded')
  expect([world.money.get(early.id)!.charged, world.stock.get(early.id), world.parcels.get(early.id)]).toEqual([0, 'released', 'cancelled'])
  expect(await topics(early.id)).toEqual(['order.paid', 'order.completed', 'order.cancelled'])
  await reaches(late.id, 'completed')
  world.parcels.set(late.id, 'left')
  // order has not heard yet: it asks shipping, learns that it is too late, and goes back
  await cancel(late.id)
  expect((await reaches(late.id, 'completed')).history.map((h) => h.status).slice(-3)).toEqual(['completed', 'cancelling', 'completed'])
  expect(await cancel(late.id)).toEqual({ refused: 'dispatched' })
})

test('an order that cannot be paid for in time is undone, as soon as billing is back to confirm it', async () => {
  const behaviour: Partial<Behaviour> = { away: 'billing' }
  const { world } = await setUp(behaviour, { giveUpMs: 200 })
  const { id } = await place()
  await reaches(id, 'cancelling-payment')
  expect(world.stock.get(id)).toBe('held')
  behaviour.away = undefined
  expect((await reaches(id, 'cancelled')).saga.reason).toBe('timed-out')
  expect([world.stock.get(id), world.money.get(id)!.isClosed]).toEqual(['released', true])
})

test('an order lives through an outage of each neighbour', async () => {
  const behaviour: Partial<Behaviour> = {}
  const { world } = await setUp(behaviour)
  for (const away of ['catalog', 'billing', 'shipping']) {
    behaviour.away = away
    const { id } = await place()
    await vi.waitFor(() => expect([...world.calls].some(([call, n]) => call.startsWith(away) && call.includes(id) && n > 1)).toBe(true), { timeout: 5_000 })
    behaviour.away = undefined
    await reaches(id, 'completed')
  }
})

test('A6 an event for an order that never asked for it becomes a dead letter', async () => {
  const { id } = await place()
  const handlers = eventHandlers(advance)
  const tell = (data: unknown) => store.transaction((tx) => handlers['shipment.created']!(tx, { data } as any))
  await expect(tell({ orderId: id })).rejects.toMatchObject({ code: 'event-unexpected' })
  await expect(tell({ orderId: '6f1f9d3e-0000-4000-8000-00000000dead' })).rejects.toMatchObject({ code: 'event-unexpected' })
  await expect(tell({ orderId: "' or 1=1" })).rejects.toThrow()
})

test('two workers never hold the same order', async () => {
  for (let i = 0; i < 20; i++) await place()
  const taken = (await Promise.all([1, 2, 3, 4].map((n) => claim(store, `order-${n}`, 5_000, 10)))).flat()
  expect(taken).toHaveLength(20)
  expect(new Set(taken.map((o) => o.id)).size).toBe(20)
})

test('back-off grows, is never nothing, and stays below 4 s', () => {
  for (const random of [0, 1]) {
    const waits = Array.from({ length: 20 }, (_, n) => backOffMs(n, random))
    expect(Math.min(...waits)).toBeGreaterThan(50)
    expect(Math.max(...waits)).toBeLessThanOrEqual(4_000)
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
  }
})

test('A6-a workers killed at random moments, answers lost: every order ends, money, stock and parcels agree, events once', async () => {
  const seed = randomInt(1e9)
  console.log(`seed ${seed}`)
  const random = mulberry(seed)
  const endsIn5 = (id: string) => parseInt(id[0]!, 16)
  const { world, socket } = await setUp({ loss: 0.06, delayMs: 25, random, isOutOfStock: (id) => endsIn5(id) === 0, isDeclined: (id) => endsIn5(id) === 1 }, { isWorking: false })
  const spawnWorker = (name: string) => spawn(process.execPath, [join(import.meta.dirname, 'test-worker.ts'), JSON.stringify({ database: database.config, socket, name })], { stdio: ['ignore', 'ignore', 'inherit'] })
  const workers = new Map<string, ChildProcess>(['order-1', 'order-2'].map((name) => [name, spawnWorker(name)]))
  closing.push(async () => { for (const worker of workers.values()) worker.kill('SIGKILL') })

  const placed: Order[] = []
  const kills = { count: 0 }
  while (kills.count < 16) {
    for (let i = 0; i < 4; i++) placed.push(await place({ delivery: random() < 0.5 ? 'standard' : 'express' }))
    if (random() < 0.6) await cancel(placed[Math.floor(random() * placed.length)]!.id)
    await shippingHears(random)
    await new Promise((resolve) => setTimeout(resolve, 40 + random() * 200)) // the moment is the experiment
    const [name, worker] = [...workers][Math.floor(random() * 2)]!
    worker.kill('SIGKILL')
    await once(worker, 'exit')
    kills.count++
    workers.set(name, spawnWorker(name))
  }
  await vi.waitFor(async () => {
    await shippingHears(random)
    const { rows } = await store.query(`select count(*)::int as n from orders where due_at is not null or status not in ('completed', 'cancelled', 'rejected')`)
    expect(rows[0].n).toBe(0)
  }, { timeout: 30_000, interval: 100 })

  for (const { id } of placed) {
    const { saga } = (await find(store, id))!
    const isWhole = saga.state === 'completed'
    const money = world.money.get(id)
    expect([id, money?.charged ?? 0, money?.authorized ?? 0, world.stock.get(id) === 'sold', world.parcels.get(id) === 'created']).toEqual([id, isWhole ? 1_000 : 0, 0, isWhole, isWhole])
    expect(world.stock.get(id)).not.toBe('held')
    const heard = await topics(id)
    expect(new Set(heard).size).toBe(heard.length)
    expect(heard.includes('order.completed') && !heard.includes('order.cancelled')).toBe(isWhole)
  }

  /** Shipping reads order.paid in its own time, and sometimes tells nobody. */
  async function shippingHears(random: () => number): Promise<void> {
    const { rows } = await store.query(`update outbox set published_at = now() where topic = 'order.paid' and published_at is null returning subject`)
    for (const { subject } of rows) {
      if (random() < 0.3) continue
      const order = (await find(store, subject))!
      if (order.saga.delivery === 'express' || world.parcels.has(subject)) continue
      world.parcels.set(subject, 'created')
      await store.transaction((tx) => eventHandlers(advance)['shipment.created']!(tx, { data: { orderId: subject } } as any))
    }
  }
}, 120_000)

function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
