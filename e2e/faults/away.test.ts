/** A part is away for a while: stopped where it stands (SIGSTOP), or killed. What stands beside it goes on (A8-a, S3.6-b, S6.1). */
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { buy, endpoints, eventually, paymentToken, settled, Visitor } from '../shop.ts'
import { deadLetters, findFaults, openBooks } from './books.ts'
import { allHealthy, back, signal } from './processes.ts'
import { readers } from './readers.ts'
import { newProduct } from './seller.ts'

const ORDERS = 30
const STOCK = 50_000
const { ask, close } = openBooks()
let productId: string
let stopped: string[] = []
let lettersBefore: string[] = []
let alice: Visitor
const accepted: string[] = []

const stop = async (name: string) => {
  stopped.push(name)
  await signal(name, 'SIGSTOP')
}
const goOn = async () => {
  const names = stopped
  stopped = []
  for (const name of names) await signal(name, 'SIGCONT')
}

beforeAll(async () => {
  await allHealthy()
  lettersBefore = await deadLetters()
  productId = await newProduct(STOCK)
  alice = await new Visitor().signIn('alice')
  for (const { productId: left } of (await alice.get('/api/cart')).json.lines) await alice.send('DELETE', `/api/cart/lines/${left}`)
})
afterEach(async () => {
  await goOn()
  await allHealthy()
})
afterAll(async () => {
  await Promise.all([alice?.close(), close()])
})

/** One after the other, as fast as answers come. Every one must be accepted at the first attempt. */
async function order(times: number, delivery: 'standard' | 'express' = 'standard'): Promise<string[]> {
  const ids: string[] = []
  const token = async () => paymentToken(alice)
  for (let i = 0; i < times; i++) {
    const placed = await buy(alice, { delivery, productIds: [productId], token: await token() })
    expect([placed.status, placed.text]).toEqual([201, expect.anything()])
    ids.push(placed.json.id)
  }
  accepted.push(...ids)
  return ids
}

const inOrder = async () => {
  let faults: string[] = []
  await eventually('books in order', async () => (faults = await findFaults(ask, { accepted, stock: new Map([[productId, STOCK]]) })).length === 0, 40_000).catch(() => {})
  expect(faults).toEqual([])
  expect(await deadLetters(lettersBefore)).toEqual([])
}

test.each(['shipping-1', 'rabbitmq'])('A8-a orders are accepted while %s stands still, and all ship after its return, once each', async (name) => {
  await stop(name)
  const ids = await order(ORDERS)
  const [{ shipped }] = await ask('shipping', 'select count(*)::int as shipped from shipments where order_id = any($1)', [ids])
  if (name === 'shipping-1') expect(shipped).toBe(0)
  await goOn()
  for (const id of ids) expect((await settled(alice, id, 40_000)).order.status).toBe('completed')
  await inOrder()
}, 120_000)

/** Reads go on from before the kill until well after everything is back. */
async function readWhile(work: () => Promise<void>): Promise<void> {
  const reading = await readers(4, { productId, orderId: accepted.at(-1) ?? (await order(1))[0]! })
  await work()
  const { errors } = await reading.stop(50)
  expect(errors).toEqual([])
}

test.each([
  ['order-2', 'one of two instances'], ['order-2-gateway', 'the gateway of one of two instances'], ['registrar', 'who registers'], ['registry', 'who looks up'], ['monitor', 'who listens'],
  ['access', 'who decides on new tokens'], ['rabbitmq', 'the broker'], ['psp', 'the payment provider'],
])('S6.1 S7.1 no visitor sees an error on reads when %s, %s, is killed', async (...[name]) => {
  await readWhile(async () => {
    for (let i = 0; i < 2; i++) {
      const killed = await signal(name!, 'SIGKILL')
      await back(killed!)
    }
  })
}, 90_000)

test('S3.5 no request fails when the leader of Consul is killed', async () => {
  const leader = leaderOf()
  await readWhile(async () => {
    const killed = await signal(leader, 'SIGKILL')
    await order(3)
    await back(killed!)
  })
  await inOrder()
}, 90_000)

test('S3.6 S3.6-b entries stay while the registrar is away', async () => {
  await stop('registrar')
  await readWhile(async () => { await order(12) })
  await goOn()
  await inOrder()
}, 90_000)

/** The last leader that the servers' logs speak of: nobody outside may ask them. */
function leaderOf(): string {
  const elected = endpoints.processes.filter(({ name }) => name.startsWith('consul-'))
    .flatMap(({ log }) => readFileSync(log, 'utf8').match(/\{.*"New leader elected".*\}/g) ?? []).map((line) => JSON.parse(line) as Record<'@timestamp' | 'payload', string>)
  return elected.toSorted((a, b) => (a['@timestamp'] < b['@timestamp'] ? -1 : 1)).at(-1)!.payload
}
