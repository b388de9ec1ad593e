// A customer orders and says what it costs, to whom it belongs, what state it is in, in every field and number that might
// be believed. What counts is what the order, the invoice and the provider's ledger say afterwards.
import { randomUUID } from 'node:crypto'
import { address, endpoints, paymentToken, settled, type Answer, type Visitor } from '../../shop.ts'
import { attack } from '../attack.ts'
import type { Sign } from '../detection.ts'
import { inTurn } from '../purchase.ts'
import type { Scene } from '../scene.ts'

type Body = Record<string, unknown>
type Prepared = { productId: string; due: number; expected: number; honest: Body; place(change?: Body): Promise<Answer> }

/** A cart with two of one thing, and the honest order for it. */
async function prepare(visitor: Visitor): Promise<Prepared> {
  for (const { productId } of (await visitor.get('/api/cart')).json.lines) await visitor.send('DELETE', `/api/cart/lines/${productId}`)
  const product = (await visitor.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 20)
  await visitor.send('PUT', `/api/cart/lines/${product.id}`, { quantity: 2 })
  const { json: cart } = await visitor.get('/api/cart')
  const honest = { delivery: 'standard', name: 'Alice Kim', address, payment: { method: 'card', token: await paymentToken(visitor) }, agreedTotalMinor: cart.totalMinor, currency: cart.currency }
  return {
    productId: product.id, due: cart.totalMinor, expected: product.priceMinor * 2, honest,
    place: (change = {}) => visitor.send('POST', '/api/orders', { ...honest, ...change }, { 'idempotency-key': randomUUID() }),
  }
}

/** What was really paid for an order, by everyone who keeps books of it, minor units. */
async function booked(scene: Scene, visitor: Visitor, orderId: string): Promise<number[]> {
  const view = await settled(visitor, orderId)
  const ledger = await scene.visitor().request('GET', new URL(`/v1/payments?reference=${orderId}`, endpoints.psp.url).href, { headers: { authorization: `Bearer ${endpoints.psp.merchantKey}` } })
  const paid = (ledger.json.items ?? ledger.json.payments ?? ledger.json) as { amountMinor: number }[]
  const sum = view.order.lines.reduce((total: number, line: { unitPriceMinor: number; quantity: number }) => total + line.unitPriceMinor * line.quantity, 0)
  scene.note({ order: view.order.totalMinor, lines: sum, invoice: view.invoice.value?.totalMinor, paid: paid.map(({ amountMinor }) => amountMinor) })
  return [view.order.totalMinor, sum, view.invoice.value?.totalMinor, ...paid.map(({ amountMinor }) => amountMinor)]
}

// By what each is refused: the schema of the door knows no such field, or no such value; or the number is one that readers read in two ways; or it is a number like any other, and not the price.
const UNKNOWN: Sign = { code: 'parameter-unexpected', detection: 'RE5', control: 'validate-request' }
const INVALID: Sign = { code: 'input-invalid', detection: 'IE2', control: 'validate-request' }
const NO_NUMBER: Sign = { code: 'body-malformed', detection: 'RE8', control: 'validate-request' }
const NOT_THE_PRICE: Sign = {}

const ADDED: Body[] = [
  { price: 1 }, { total: 1 }, { totalMinor: 1 }, { discount: 99 }, { coupon: 'FREE' }, { status: 'completed' }, { customerId: randomUUID() }, { id: randomUUID() }, { paid: true }, { role: 'staff' }, { lines: [] }, { 'agreedTotalMinor ': 1 }, { payment: { method: 'card', token: 'tok_12345678', amountMinor: 1 } }, { constructor: { totalMinor: 1 } },
]
const changes = (due: number): [Body, Sign][] => [
  ...[2, 1, 0, due - 1].map((agreedTotalMinor): [Body, Sign] => [{ agreedTotalMinor }, NOT_THE_PRICE]),
  ...['USD', 'JPY', 'XXX'].map((currency): [Body, Sign] => [{ currency }, NOT_THE_PRICE]),
  ...ADDED.map((body): [Body, Sign] => [body, UNKNOWN]),
  [{ agreedTotalMinor: 1e21 }, NO_NUMBER],
  ...[-1, 0.5, '1', [1], null, true, 2 ** 53 - 1].map((agreedTotalMinor): [Body, Sign] => [{ agreedTotalMinor }, INVALID]),
  ...['eur', '', 'EUR\u0000', null].map((currency): [Body, Sign] => [{ currency }, INVALID]),
]
const QUANTITIES: unknown[] = [0, -1, 1.5, 100, 2 ** 53 - 1, '2', '1e1', null, [2], true]

const cheat = (scene: Scene): Promise<boolean> => inTurn(async () => {
  const alice = await scene.signIn('alice')
  const cart = await prepare(alice)
  const isCheap = async (answer: Answer) => answer.status === 201 && (await booked(scene, alice, answer.json.id)).every((minor) => minor < cart.due)
  for (const [change, sign] of changes(cart.due)) {
    const answer = await cart.place(change)
    scene.answered(answer, `order with ${JSON.stringify(change)}`, sign)
    // Whatever it is believed for, what counts is what was paid.
    if (answer.status < 400) return isCheap(answer)
  }
  for (const quantity of QUANTITIES) {
    const answer = await alice.send('PUT', `/api/cart/lines/${cart.productId}`, { quantity })
    scene.answered(answer, `quantity ${JSON.stringify(quantity)}`, INVALID)
    if (answer.status < 400) return true
  }
  // More is put into the cart while it is ordered: either is first, and what is sent is paid for.
  const [raced] = await Promise.all([cart.place(), alice.send('PUT', `/api/cart/lines/${cart.productId}`, { quantity: 9 })])
  scene.answered(raced, 'an order while its cart grows')
  if (raced.status !== 201) return false
  const pieces = raced.json.lines.reduce((sum: number, line: { quantity: number }) => sum + line.quantity, 0)
  return (await booked(scene, alice, raced.json.id)).some((minor) => minor !== (cart.due / 2) * pieces)
})

/** An honest order costs what the catalog says: at the order, on the invoice, in the provider's ledger. */
const costsWhatItCosts = (scene: Scene): Promise<boolean> => inTurn(async () => {
  const bob = await scene.signIn('bob')
  const { due, expected, place } = await prepare(bob)
  const answer = await place()
  if (answer.status !== 201) throw new Error(`no order: ${answer.status} ${answer.text}`)
  return due === expected && (await booked(scene, bob, answer.json.id)).every((minor) => minor === expected)
})

attack({
  id: 'A2-a',
  strategies: ['A2', 'S5.1'],
  kind: 'attack',
  goal: 'pay less than the catalog says',
  without: 'server-price',
  stopped: { code: 'price-changed', detection: 'IE4' },
  run: cheat,
  probe: costsWhatItCosts,
})
