import { createHmac, randomUUID } from 'node:crypto'
import { createLog } from '@shop/chassis/log.ts'
import { createOutbox } from '@shop/chassis/outbox.ts'
import { DeadlineExceeded } from '@shop/chassis/problem.ts'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../../infra/deploy/backing/test-database.ts'
import type { ProviderCall } from './domain/payment.ts'
import { bringTo, type PayParts } from './pay.ts'
import type { Provider } from './provider.ts'
import { routes } from './routes.ts'
import { billing } from './service.ts'
import { findInvoice, insert, insertCancelled } from './store.ts'

let database: TestDatabase, store: Store
const log = createLog('test')
const folder = (path: string) => new URL(path, import.meta.url).pathname
beforeAll(async () => {
  database = await testDatabase([folder('../../infra/chassis/migrations'), folder('./migrations')])
  store = createStoreOn(database.config, log)
})
afterAll(async () => {
  await store.close()
  await database.drop()
})

const payment = { customerId: 'alice', name: 'Alice', address: {}, amountMinor: 4200, currency: 'EUR', method: 'card', token: 'tok_12345678', lines: [] }

/** Keeps the provider's promise: one effect for each key. `lost` calls take effect, but their answer never comes. */
function providerThat(lost: Set<string> = new Set(), declines = false) {
  const effects: string[] = []
  const provider: Provider = async (call: ProviderCall, { orderId }) => {
    const key = `${orderId}:${call}`
    if (!effects.includes(key)) effects.push(key)
    if (lost.delete(key)) throw DeadlineExceeded()
    return { providerId: `psp_${orderId}`, isDeclined: declines && call === 'authorize', ...(declines && { declineReason: 'insufficient-funds' }) }
  }
  return { effects, provider }
}
const partsWith = (provider: Provider): PayParts => ({ store, outbox: createOutbox(billing.publishes), provider, log, now: () => new Date('2026-03-01T00:00:00Z') })
const ledgerSum = async (orderId: string) => (await store.query<{ s: number }>('select coalesce(sum(amount_minor), 0)::float8 as s from ledger where order_id = $1', [orderId])).rows[0]!.s
const topics = async (orderId: string) => (await store.query<{ topic: string }>('select topic from outbox where subject = $1 order by position', [orderId])).rows.map((r) => r.topic)
const begin = () => {
  const orderId = randomUUID()
  return insert(store, orderId, payment).then(() => orderId)
}

test('A4 authorize and capture: one invoice, balanced ledger, one event each, however often it is asked', async () => {
  const { provider, effects } = providerThat()
  const d = partsWith(provider)
  const orderId = await begin()
  for (let i = 0; i < 2; i++) expect((await bringTo(d, orderId, 'authorize', '')).status).toBe('authorized')
  await Promise.all(Array.from({ length: 5 }, () => bringTo(d, orderId, 'capture', '')))
  expect((await findInvoice(store, orderId))?.number).toMatch(/^2026-\d{6}$/)
  expect(await ledgerSum(orderId)).toBe(0)
  expect(await topics(orderId)).toEqual(['payment.authorized', 'payment.captured'])
  expect(effects).toEqual([`${orderId}:authorize`, `${orderId}:capture`])
})

test.each(['authorize', 'capture', 'void', 'refund'])('A6 an answer to %s that never came is asked for again with the same key', async (call) => {
  const orderId = await begin()
  const { provider, effects } = providerThat(new Set([`${orderId}:${call}`]))
  const d = partsWith(provider)
  const goals = call === 'refund' ? ['authorize', 'capture', 'cancel'] as const : call === 'void' ? ['authorize', 'cancel'] as const : ['authorize', 'capture'] as const
  for (const goal of goals) await bringTo(d, orderId, goal, '').catch((error: { code: string }) => { expect(error.code).toBe('deadline-exceeded'); return bringTo(d, orderId, goal, '') })
  expect(new Set(effects).size).toBe(effects.length)
  expect(await ledgerSum(orderId)).toBe(0)
})

test('A6 an order cancelled while its authorization is under way ends with nothing held', async () => {
  const orderId = await begin()
  const { provider, effects } = providerThat(new Set([`${orderId}:authorize`]))
  const d = partsWith(provider)
  await expect(bringTo(d, orderId, 'authorize', '')).rejects.toMatchObject({ code: 'deadline-exceeded' })
  await insertCancelled(store, orderId)
  expect((await bringTo(d, orderId, 'cancel', '')).status).toBe('cancelled')
  expect(effects).toEqual([`${orderId}:authorize`, `${orderId}:void`])
  await expect(bringTo(d, orderId, 'authorize', '')).rejects.toMatchObject({ code: 'payment-cancelled' })
})

test('A6 cancelled before it was asked for: nothing is ever charged', async () => {
  const orderId = randomUUID()
  await insertCancelled(store, orderId)
  const { provider, effects } = providerThat()
  await insert(store, orderId, payment)
  await expect(bringTo(partsWith(provider), orderId, 'authorize', '')).rejects.toMatchObject({ code: 'payment-cancelled' })
  expect(effects).toEqual([])
})

test('A4 a declined payment is not captured and leaves no trace in the ledger', async () => {
  const orderId = await begin()
  const { provider } = providerThat(new Set(), true)
  const d = partsWith(provider)
  expect(await bringTo(d, orderId, 'authorize', '')).toMatchObject({ status: 'declined', declineReason: 'insufficient-funds' })
  await expect(bringTo(d, orderId, 'capture', '')).rejects.toMatchObject({ code: 'payment-state' })
  expect((await store.query('select 1 from ledger where order_id = $1', [orderId])).rowCount).toBe(0)
})

test('A4 invoice numbers run without a gap, also past a transaction that was rolled back', async () => {
  const { provider } = providerThat()
  const d = partsWith(provider)
  const orders = await Promise.all(Array.from({ length: 8 }, begin))
  await Promise.all(orders.map(async (id) => { await bringTo(d, id, 'authorize', ''); await bringTo(d, id, 'capture', '') }))
  const { rows } = await store.query<{ n: number }>(`select right(number, 6)::int as n from invoices order by 1`)
  expect(rows.map((r) => r.n)).toEqual(rows.map((_, i) => i + 1))
})

test('A4 the database itself refuses a posting that does not balance', async () => {
  const orderId = await begin()
  await expect(store.query(`insert into ledger (posting, order_id, kind, account, amount_minor, currency) values (gen_random_uuid(), $1, 'captured', 'revenue', 5, 'EUR')`, [orderId])).rejects.toThrow(/does not balance/)
})

const secret = 'shared-with-the-provider'
/** What the provider tells, signed as it signs. */
function tell(payload: string) {
  const t = 1_772_323_200
  const signature = `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${payload}`).digest('hex')}`
  const { receiveProviderEvent } = routes({ ...partsWith(providerThat().provider), webhookSecret: secret })
  return store.transaction((tx) => receiveProviderEvent!({ body: { payload }, headers: { 'provider-signature': signature }, tx, traceparent: '' } as any))
}

test('A4 a settlement told twenty times at once is one event', async () => {
  const reference = await begin()
  const payload = JSON.stringify({ id: `evt_${reference}`, type: 'payment.settled', reference })
  for (const { status } of await Promise.all(Array.from({ length: 20 }, () => tell(payload)))) expect(status).toBe(204)
  expect(await topics(reference)).toEqual(['payment.settled'])
})

const event = { id: 'evt_1', type: 'payment.settled', reference: randomUUID() }
test.each([
  ['without a reference', JSON.stringify({ ...event, reference: undefined })], ['about something else', JSON.stringify({ ...event, reference: 'cus_1' })],
  ['with a long id', JSON.stringify({ ...event, id: 'x'.repeat(200) })], ['with NUL in its id', JSON.stringify({ ...event, id: 'a\u0000' })], ['cut in two', '{"id":'], ['no object', 'null'],
])('A4 a signed event %s is refused as wrong, not answered as a failure', async (_what, payload) => {
  await expect(tell(payload)).rejects.toMatchObject({ code: 'input-invalid', status: 400 })
})
