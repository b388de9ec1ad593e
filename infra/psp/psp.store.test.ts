/** The provider's promises on a real database: nothing twice, nothing lost, nothing forged (A4). */
import { createHmac, randomUUID } from 'node:crypto'
import https from 'node:https'
import { join } from 'node:path'
import { createStoreOn } from '@shop/chassis/store.ts'
import type { Store } from '@shop/chassis/store.ts'
import { testAuthority } from '@shop/deploy/backing/test-authority.ts'
import { testDatabase, type TestDatabase } from '@shop/deploy/backing/test-database.ts'
import { pino } from 'pino'
import { Agent, type Dispatcher } from 'undici'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createPsp } from './psp.ts'
import { startWebhooks } from './webhooks.ts'

const PORT = 24_021
const KEY = 'merchant-key-'.repeat(3)
const SECRET = 'webhook-secret-'.repeat(3)
const SETTLEMENT_SECONDS = 0.3
const origin = `https://127.0.0.1:${PORT}`
let database: TestDatabase
let store: Store
let psp: ReturnType<typeof createPsp>
let receiver: https.Server
/** What the merchant was told; `answer` is what it says to the next notices. */
const told: { id: string; type: string; reference: string; payment: Record<string, any>; signature: string; payload: string }[] = []
let answer = () => 204
const agent = new Agent({ connect: { rejectUnauthorized: false }, connections: 30 })

beforeAll(async () => {
  database = await testDatabase([join(import.meta.dirname, 'migrations')])
  store = createStoreOn(database.config, pino({ level: 'silent' }), 8)
  const authority = await testAuthority('doors')
  const door = await authority.issue('door', ['localhost'])
  receiver = https.createServer({ key: door.key, cert: door.cert }, async (req, res) => {
    const payload = Buffer.concat(await req.toArray()).toString()
    const status = answer()
    if (status === 204) told.push({ ...JSON.parse(payload), payload, signature: req.headers['provider-signature'] as string })
    res.writeHead(status).end()
  })
  await new Promise<void>((resolve) => receiver.listen(PORT + 1, '127.0.0.1', resolve))
  psp = createPsp({
    config: { port: PORT, certificate: door.cert, webhookUrl: `https://localhost:${PORT + 1}/api/payment-events`, webhookRoots: authority.ca, frameAncestors: ['https://localhost:24099'], settlementSeconds: SETTLEMENT_SECONDS, slowAnswerSeconds: 60 },
    secrets: { doorKey: door.key, merchantKey: KEY, webhookSecret: SECRET }, store, log: pino({ level: process.env['PSP_LOG'] ?? 'silent' }),
  })
  await new Promise<void>((resolve) => psp.server.listen(PORT, '127.0.0.1', resolve))
})
afterAll(async () => {
  await agent.close()
  await psp?.close()
  receiver?.closeAllConnections()
  receiver?.close()
  await store?.close()
  await database?.drop()
})

type Answer = { status: number; body: any; headers: Record<string, any> }
async function call(method: string, path: string, { body, key, auth = `Bearer ${KEY}`, headers = {}, signal }: { body?: unknown; key?: string; auth?: string; headers?: Record<string, string>; signal?: AbortSignal } = {}): Promise<Answer> {
  const res = await agent.request({ origin, path, method: method as Dispatcher.HttpMethod, signal, headers: { ...(auth && { authorization: auth }), ...(key && { 'idempotency-key': key }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers }, ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }) })
  const text = await res.body.text()
  return { status: res.statusCode, headers: res.headers, body: text.startsWith('{') ? JSON.parse(text) : text }
}
const cardOf = (number: string) => ({ kind: 'card', number, expiry: '12/40', cvc: '123' })
const accountOf = (iban: string) => ({ kind: 'bank-account', iban, holder: 'Alice Adler' })
const tokenFor = async (instrument: object) => (await call('POST', '/tokens', { body: instrument, auth: '', headers: { origin } })).body.token as string
const create = async (instrument: object = cardOf('4242 4242 4242 4242'), reference: string = randomUUID(), amountMinor = 1_999) => {
  const body = { amountMinor, currency: 'EUR', token: await tokenFor(instrument), reference }
  return { ...(await call('POST', '/v1/payments', { body, key: `${reference}:authorize` })), reference, sent: body }
}
const ledgerOf = async (reference: string) => (await store.query('select entry, amount_minor::int as amount from ledger where reference = $1 order by id', [reference])).rows.map((r) => `${r.entry} ${r.amount}`)
const heard = (reference: string) => told.filter((t) => t.reference === reference).map((t) => t.type)

describe('tokens', () => {
  test('stand for a test card; the number is kept nowhere', async () => {
    const answer = await call('POST', '/tokens', { body: cardOf('4242 4242 4242 4242'), auth: '', headers: { origin } })
    expect(answer).toMatchObject({ status: 201, body: { hint: '•••• 4242', token: expect.stringMatching(/^tok_[\w-]{22}$/) } })
    const { rows } = await store.query('select token::text from token')
    expect(JSON.stringify(rows)).not.toContain('4242424242424242')
    expect(JSON.stringify(rows)).not.toContain(answer.body.token)
  })
  test.each([
    ['wrong digit', cardOf('4242424242424241'), 'body.number'], ['a real-looking card', cardOf('4111111111111111'), 'body.number'], ['past', { ...cardOf('4242424242424242'), expiry: '01/20' }, 'body.expiry'],
    ['wrong IBAN', accountOf('DE88370400440532013000'), 'body.iban'], ['unknown IBAN', accountOf('FR1420041010050500013M02606'), 'body.iban'],
  ])('refuses %s and names the field', async (_name, body, field) => {
    const answer = await call('POST', '/tokens', { body, auth: '', headers: { origin } })
    expect([answer.status, answer.body.errors[0].field]).toEqual([422, field])
  })
  test.each([undefined, 'https://evil.example', 'null', 'https://localhost:24099'])('are made for our own page only, not for %s', async (from) => {
    expect((await call('POST', '/tokens', { body: cardOf('4242424242424242'), auth: '', headers: from ? { origin: from } : {} })).status).toBe(403)
  })
  test('buy once', async () => {
    const { sent } = await create()
    const again = await Promise.all(Array.from({ length: 5 }, () => call('POST', '/v1/payments', { body: { ...sent, reference: randomUUID() }, key: randomUUID() })))
    expect(again.map((a) => [a.status, a.body.code])).toEqual(Array(5).fill([422, 'payment-token-unusable']))
  })
})

describe('payments', () => {
  test('authorize, capture, refund in parts: exact, in the ledger, told and signed', async () => {
    const { body: payment, reference, status } = await create()
    expect([status, payment.status]).toEqual([201, 'authorized'])
    expect((await call('POST', `/v1/payments/${payment.id}/capture`, { key: `${reference}:capture`, body: { amountMinor: 1_998 } })).body.code).toBe('amount-mismatch')
    expect((await call('POST', `/v1/payments/${payment.id}/capture`, { key: `${reference}:capture` })).body.status).toBe('captured')
    expect((await call('POST', `/v1/payments/${payment.id}/void`, { key: `${reference}:void` })).body.code).toBe('payment-state-conflict')
    expect((await call('POST', `/v1/payments/${payment.id}/refund`, { key: `${reference}:refund-1`, body: { amountMinor: 999 } })).body.refundedMinor).toBe(999)
    expect((await call('POST', `/v1/payments/${payment.id}/refund`, { key: `${reference}:refund-2`, body: { amountMinor: 1_001 } })).body.code).toBe('amount-mismatch')
    expect((await call('POST', `/v1/payments/${payment.id}/refund`, { key: `${reference}:refund-3` })).body.refundedMinor).toBe(1_999)
    expect(await ledgerOf(reference)).toEqual(['authorized 1999', 'captured 1999', 'refunded 999', 'refunded 1000'])
    await vi.waitFor(() => expect(heard(reference).sort()).toEqual(['payment.authorized', 'payment.captured', 'payment.refunded', 'payment.refunded']), 5_000)
    for (const { payload, signature } of told.filter((t) => t.reference === reference)) {
      const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature)!
      expect(v1).toBe(createHmac('sha256', SECRET).update(`${t}.${payload}`).digest('hex'))
      expect(Math.abs(Number(t) - Date.now() / 1000)).toBeLessThan(10)
    }
  })

  test.each([['4000000000000002', 'card-declined'], ['4000000000009995', 'insufficient-funds']])('%s is declined: %s, and no money moves', async (number, declineReason) => {
    const { body, reference } = await create(cardOf(number))
    expect(body).toMatchObject({ status: 'declined', declineReason })
    expect((await call('POST', `/v1/payments/${body.id}/capture`, { key: randomUUID() })).status).toBe(409)
    expect(await ledgerOf(reference)).toEqual([])
  })

  test('twenty at once with one key are one payment and one answer', async () => {
    const token = await tokenFor(cardOf('4242424242424242'))
    const reference = randomUUID()
    const body = { amountMinor: 500, currency: 'EUR', token, reference }
    const answers = await Promise.all(Array.from({ length: 20 }, () => call('POST', '/v1/payments', { body, key: `${reference}:authorize` })))
    expect(new Set(answers.map((a) => JSON.stringify([a.status, a.body]))).size).toBe(1)
    expect(answers.filter((a) => a.headers['idempotency-replayed']).length).toBe(19)
    expect(await ledgerOf(reference)).toEqual(['authorized 500'])
    const { id } = answers[0]!.body
    const captures = await Promise.all(Array.from({ length: 20 }, (_, i) => call('POST', `/v1/payments/${id}/capture`, { key: i % 2 ? `${reference}:capture` : randomUUID() })))
    expect(captures.filter((a) => a.status === 200).length).toBeGreaterThanOrEqual(1)
    expect(captures.filter((a) => ![200, 409].includes(a.status))).toEqual([])
    expect(await ledgerOf(reference)).toEqual(['authorized 500', 'captured 500'])
  })

  test('a key with another request is refused', async () => {
    const { sent, reference, body } = await create()
    expect((await call('POST', '/v1/payments', { body: { ...sent, amountMinor: 1 }, key: `${reference}:authorize` })).body.code).toBe('idempotency-mismatch')
    expect((await call('POST', `/v1/payments/${body.id}/capture`, { key: `${reference}:authorize` })).status).toBe(422)
  })

  test('an answer that never came is found by its key and by its reference', async () => {
    const reference = randomUUID()
    const body = { amountMinor: 700, currency: 'EUR', token: await tokenFor(cardOf('4000000000001232')), reference }
    await expect(call('POST', '/v1/payments', { body, key: `${reference}:authorize`, signal: AbortSignal.timeout(400) })).rejects.toThrow()
    const again = await call('POST', '/v1/payments', { body, key: `${reference}:authorize` })
    expect([again.status, again.body.status]).toEqual([201, 'authorized'])
    expect((await call('GET', `/v1/payments?reference=${reference}`)).body.items).toEqual([again.body])
    expect(await ledgerOf(reference)).toEqual(['authorized 700'])
  })

  test('an account settles some time after its capture, and the merchant is told', async () => {
    const { body, reference } = await create(accountOf('DE89 3704 0044 0532 0130 00'))
    await call('POST', `/v1/payments/${body.id}/capture`, { key: randomUUID() })
    await vi.waitFor(() => expect(heard(reference)).toContain('payment.settled'), 5_000)
    expect(await ledgerOf(reference)).toEqual(['authorized 1999', 'captured 1999', 'settled 1999'])
    const { rows: [later] } = await store.query('select extract(epoch from max(at) - min(at))::float8 as seconds from ledger where reference = $1 and entry <> $2', [reference, 'authorized'])
    expect(later.seconds).toBeGreaterThanOrEqual(SETTLEMENT_SECONDS)
    expect((await call('GET', `/v1/payments?reference=${reference}`)).body.items[0].settledAt).toBeTruthy()
  })

  test('one instrument answers twice: the same notice, two deliveries', async () => {
    const { reference } = await create(cardOf('4000000000002222'))
    await vi.waitFor(() => expect(heard(reference)).toHaveLength(2), 5_000)
    expect(new Set(told.filter((t) => t.reference === reference).map((t) => t.id)).size).toBe(1)
  })

  test('a notice is repeated until the merchant takes it', async () => {
    let refusals = 0
    answer = () => (++refusals <= 1 ? 503 : 204)
    const { reference } = await create()
    await vi.waitFor(() => expect(heard(reference)).toEqual(['payment.authorized']), { timeout: 8_000, interval: 50 })
    answer = () => 204
    expect(refusals).toBe(2)
  })

  test('a receiver that another authority vouches for is told nothing', async () => {
    const own = await testDatabase([join(import.meta.dirname, 'migrations')])
    const ownStore = createStoreOn(own.config, pino({ level: 'silent' }))
    await ownStore.query(`insert into webhook (payload) values ('{"id":"secret","reference":"nobody"}')`)
    const webhooks = startWebhooks({ store: ownStore, url: `https://localhost:${PORT + 1}/`, roots: (await testAuthority('others')).ca, secret: SECRET, log: pino({ level: 'silent' }) })
    webhooks.wake()
    await vi.waitFor(async () => expect((await ownStore.query('select attempts from webhook')).rows[0].attempts).toBe(2), 8_000)
    expect(heard('nobody')).toEqual([])
    await webhooks.close()
    await ownStore.close()
    await own.drop()
  })
})

describe('the door', () => {
  test('the ledger is read in order without gap or repeat, and cannot be changed', async () => {
    await Promise.all(Array.from({ length: 8 }, () => create()))
    const seen: number[] = []
    for (let after = 0; ;) {
      const { body } = await call('GET', `/v1/ledger?after=${after}&limit=3`)
      if (body.items.length === 0) break
      seen.push(...body.items.map((e: { id: number }) => e.id))
      after = body.next
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
    expect(seen.length).toBe((await store.query('select count(*)::int as n from ledger')).rows[0]!.n)
    await expect(store.query('update ledger set amount_minor = 1')).rejects.toThrow('append-only')
    await expect(store.query('delete from ledger')).rejects.toThrow('append-only')
  })

  test.each(['', 'Bearer ', 'Bearer wrong', `Basic ${KEY}`, `bearer ${KEY}`, `Bearer ${KEY}x`])('nobody without the key: %s', async (auth) => {
    expect((await call('GET', '/v1/ledger', { auth })).status).toBe(401)
    expect((await call('POST', '/v1/payments', { auth, body: {}, key: randomUUID() })).status).toBe(401)
  })

  test.each([
    ['POST', '/v1/payments', { body: {} }, 400], ['POST', '/v1/payments', { body: '{"a":1,"a":2}', key: 'a-key-of-mine' }, 400], ['POST', '/v1/payments', { body: 'x'.repeat(80_000), key: 'a-key-of-mine' }, 413],
    ['POST', '/v1/payments/pay_x/capture', { key: 'a-key-of-mine' }, 400], ['POST', `/v1/payments/pay_${'x'.repeat(22)}/capture`, { key: 'a-key-of-mine' }, 404], ['POST', `/v1/payments/pay_${'x'.repeat(22)}/capture`, {}, 400],
    ['GET', '/v1/ledger?after=-1', {}, 400], ['GET', '/v1/ledger?after=1&after=2', {}, 400], ['GET', '/v1/payments', {}, 400], ['DELETE', '/v1/payments', {}, 405], ['GET', '/v1/%2e%2e/x', {}, 400], ['GET', '/v1/nothing', {}, 404],
    ['GET', '/field?kind=card', { headers: { host: 'evil.example' } }, 421], ['GET', '/v1/ledger', { headers: { host: 'evil.example' } }, 421],
    ['GET', '/field', {}, 400], ['GET', '/field?kind=gold', {}, 400], ['GET', '/field?kind=card&kind=card', {}, 400], ['POST', '/field?kind=card', {}, 405], ['GET', '/', {}, 404],
    ['POST', '/tokens', { body: { kind: 'card' }, headers: { origin } }, 400], ['POST', '/tokens', { body: '[', headers: { origin } }, 400],
  ] as [string, string, Parameters<typeof call>[2], number][])('%s %s %j: %i, a problem that says why', async (method, path, options, status) => {
    const answer = await call(method, path, options)
    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/problem+json'])
  })

  test('the field page may be framed by the shop alone', async () => {
    const { headers, body, status } = await call('GET', '/field?kind=card', { auth: '' })
    expect(status).toBe(200)
    expect(headers['content-security-policy']).toContain("frame-ancestors https://localhost:24099;")
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(body).toContain('&#34;https://localhost:24099&#34;')
  })
})
