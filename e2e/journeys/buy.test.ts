import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { address, buy, endpoints, eventually, paymentToken, settled, Visitor, wellStocked } from '../shop.ts'

let alice: Visitor, bob: Visitor
beforeAll(async () => {
  alice = await new Visitor().signIn('alice')
  bob = await new Visitor().signIn('bob')
})
afterAll(() => Promise.all([alice.close(), bob.close()]))

const provider = async (orderId: string) => {
  const answer = await alice.request('GET', new URL(`/v1/payments?reference=${orderId}`, endpoints.psp.url).href, { headers: { authorization: `Bearer ${endpoints.psp.merchantKey}` } })
  expect(answer.status).toBe(200)
  return answer.json.items
}
const stockOf = async (productId: string) => (await alice.get(`/api/products/${productId}`)).json.stock as number

describe('a customer buys', () => {
  test.each(['standard', 'express'] as const)('A2 A3 A4 A5 a %s order by card ends with shipment and invoice', async (delivery) => {
    const placed = await buy(alice, { delivery })
    expect(placed.status).toBe(201)
    const { order } = await settled(alice, placed.json.id)
    expect(order).toMatchObject({ status: 'completed', delivery, payment: { method: 'card', status: 'captured' } })
    const view = await eventually('shipment and invoice', async () => {
      const { json } = await alice.get(`/api/orders/${placed.json.id}`)
      return json.shipment.state === 'ok' && json.invoice.state === 'ok' && json
    })
    expect(view.shipment.value).toMatchObject({ priority: delivery, billOfLading: { address: { city: 'Berlin' } } })
    expect(view.shipment.value.billOfLading.packages.flatMap((p: any) => p.lines).length).toBe(order.lines.length)
    expect(view.invoice.value).toMatchObject({ totalMinor: order.totalMinor, payment: { status: 'captured' } })
    expect(view.invoice.value.number).toMatch(/^\d{4}-\d{6}$/)
    expect((await alice.get('/api/cart')).json.lines).toEqual([])
  })

  test('A4 by bank account: completed, and settled when the bank says so', async () => {
    const placed = await buy(alice, { method: 'bank-account' })
    expect(placed.status).toBe(201)
    expect((await settled(alice, placed.json.id)).order).toMatchObject({ status: 'completed', payment: { method: 'bank-account' } })
    await eventually('the settlement', async () => (await alice.get(`/api/orders/${placed.json.id}`)).json.invoice.value?.payment.settledAt)
  })

  test('A6 a declined card leaves nothing behind, and another card pays', async () => {
    const id = (await wellStocked(alice))[0]!
    const before = await stockOf(id)
    const declined = await buy(alice, { productIds: [id], token: await paymentToken(alice, { cardNumber: '4000000000000002' }) })
    expect(declined.status).toBe(201)
    const view = await settled(alice, declined.json.id)
    expect(view.order.status).toBe('rejected')
    expect(view.order.payment.declineReason).toBeTruthy()
    expect(view.invoice.state).toBe('absent')
    await eventually('the stock given back', async () => (await stockOf(id)) === before)
    const second = await buy(alice, { productIds: [id] })
    expect((await settled(alice, second.json.id)).order.status).toBe('completed')
    expect(await stockOf(id)).toBe(before - 1)
  })

  test('A6 cancelled after payment: refunded once, parcel stopped, stock back', async () => {
    const id = (await wellStocked(alice))[0]!
    const before = await stockOf(id)
    const placed = await buy(alice, { productIds: [id] })
    await settled(alice, placed.json.id)
    const cancelled = await alice.send('POST', `/api/orders/${placed.json.id}/cancel`, undefined, { 'idempotency-key': randomUUID() })
    expect(cancelled.status).toBeLessThan(300)
    const view = await eventually('the cancellation', async () => {
      const { json } = await alice.get(`/api/orders/${placed.json.id}`)
      return json.order.status === 'cancelled' && json.invoice.value?.payment.status === 'refunded' && json
    })
    expect(view.shipment.value.status).toBe('cancelled')
    expect(await provider(placed.json.id)).toEqual([expect.objectContaining({ status: 'captured', amountMinor: view.order.totalMinor, refundedMinor: view.order.totalMinor })])
    await eventually('the stock given back', async () => (await stockOf(id)) === before)
  })

  test('S8.3 the same order sent twice at once is one order', async () => {
    const key = randomUUID()
    const productId = (await wellStocked(bob))[0]!
    await bob.send('PUT', `/api/cart/lines/${productId}`, { quantity: 1 })
    const { json: cart } = await bob.get('/api/cart')
    const body = { delivery: 'standard', name: 'Bob', address, payment: { method: 'card', token: await paymentToken(bob) }, agreedTotalMinor: cart.totalMinor, currency: 'EUR' }
    const answers = await Promise.all(Array.from({ length: 10 }, () => bob.send('POST', '/api/orders', body, { 'idempotency-key': key })))
    expect(new Set(answers.map((a) => `${a.status} ${a.json.id}`)).size).toBe(1)
    await settled(bob, answers[0]!.json.id)
    expect(await provider(answers[0]!.json.id)).toHaveLength(1)
    expect((await bob.send('POST', '/api/orders', { ...body, delivery: 'express' }, { 'idempotency-key': key })).json.code).toBe('idempotency-mismatch')
  })
})

describe('a visitor', () => {
  test('A2 finds the cart again after signing in', async () => {
    const visitor = new Visitor()
    const productId = (await wellStocked(visitor))[0]!
    await visitor.send('PUT', `/api/cart/lines/${productId}`, { quantity: 2 })
    const other = await new Visitor().signIn('carol')
    for (const line of (await other.get('/api/cart')).json.lines) await other.send('DELETE', `/api/cart/lines/${line.productId}`)
    await visitor.signIn('carol')
    const { lines } = (await visitor.get('/api/cart')).json
    expect(lines).toEqual([expect.objectContaining({ productId, quantity: 2 })])
    await Promise.all([visitor.close(), other.close()])
  })
})

describe('two customers', () => {
  test('S2.1 A2 never see each other\'s orders, shipments, invoices or carts', async () => {
    const placed = await buy(alice)
    await settled(alice, placed.json.id)
    for (const path of [`/api/orders/${placed.json.id}`, `/api/orders/${placed.json.id}/events`]) {
      const answer = await bob.get(path)
      expect([path, answer.status, answer.json?.code]).toEqual([path, 404, 'not-found'])
    }
    expect((await bob.send('POST', `/api/orders/${placed.json.id}/cancel`, undefined, { 'idempotency-key': randomUUID() })).status).toBe(404)
    expect((await settled(alice, placed.json.id)).order.status).toBe('completed')
    expect(JSON.stringify((await bob.get('/api/orders')).json)).not.toContain(placed.json.id)
  })
})
