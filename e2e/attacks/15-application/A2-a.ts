// A customer orders and says what it costs, to whom it belongs, what state it is in, in every field and number that might
// be believed. What counts is what the order, the invoice and the provider's ledger say afterwards.
import { randomUUID } from 'node:crypto'
import { address, endpoints, paymentToken, settled, type Visitor } from '../../shop.ts'
import { attack } from '../attack.ts'
import { inTurn } from '../purchase.ts'
import type { Scene } from '../scene.ts'

type Body = Record<string, unknown>

/** Fills the cart with one thing, orders it with `change` applied to the honest body, and resolves with what must be paid and what was answered. */
async function order(visitor: Visitor, change: (body: Body) => Body, headers: Record<string, string> = {}) {
  return inTurn(async () => {
    for (const { productId } of (await visitor.get('/api/cart')).json.lines) await visitor.send('DELETE', `/api/cart/lines/${productId}`)
    const product = (await visitor.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 5)
    await visitor.send('PUT', `/api/cart/lines/${product.id}`, { quantity: 2 })
    const { json: cart } = await visitor.get('/api/cart')
    const honest = { delivery: 'standard', name: 'Alice Kim', address, payment: { method: 'card', token: await paymentToken(visitor) }, agreedTotalMinor: cart.totalMinor, currency: cart.currency }
    return { due: cart.totalMinor as number, expected: product.priceMinor * 2, answer: await visitor.send('POST', '/api/orders', change(honest), { 'idempotency-key': randomUUID(), ...headers }) }
  })
}

const ADDED: Body[] = [
  { price: 1 }, { total: 1 }, { totalMinor: 1 }, { discount: 99 }, { coupon: 'FREE' }, { status: 'completed' }, { customerId: randomUUID() }, { id: randomUUID() }, { paid: true }, { role: 'staff' }, { lines: [] }, { 'agreedTotalMinor ': 1 }, { payment: { method: 'card', token: 'tok_x', amountMinor: 1 } }, { constructor: { totalMinor: 1 } },
]
const TOTALS: unknown[] = [1, 0, -1, 0.5, '1', 1e21, [1], null, true, 2 ** 53 - 1]
const QUANTITIES: unknown[] = [0, -1, 1.5, 100, 2 ** 53 - 1, '2', '1e1', null, [2], true]
const CURRENCIES: unknown[] = ['USD', 'eur', 'JPY', 'XXX', '', 'EUR\u0000', null]

async function cheat(scene: Scene): Promise<boolean> {
  const alice = await scene.signIn('alice')
  let isCheaper = false
  const refused = (what: string, answer: { status: number; json?: any }, isMisuse: boolean) => {
    if (isMisuse) scene.answered(answer, what, { code: answer.json?.code, detection: answer.json?.code === 'parameter-unexpected' ? 'RE5' : answer.json?.code === 'body-malformed' ? 'RE8' : 'IE2' })
    else scene.note({ request: what, status: answer.status, code: answer.json?.code })
    if (answer.status < 400) {
      isCheaper = true
      scene.note({ effect: what, status: answer.status })
    }
  }
  for (const more of ADDED) refused(`order with ${JSON.stringify(more)}`, (await order(alice, (body) => ({ ...body, ...more }))).answer, true)
  for (const total of TOTALS) {
    const { answer } = await order(alice, (body) => ({ ...body, agreedTotalMinor: total }))
    // A whole number that is not the price is a customer who saw another price: refused, but no misuse.
    refused(`agreed to ${JSON.stringify(total)}`, answer, answer.json?.code !== 'price-changed')
  }
  for (const currency of CURRENCIES) {
    const { answer } = await order(alice, (body) => ({ ...body, currency }))
    refused(`currency ${JSON.stringify(currency)}`, answer, answer.json?.code !== 'price-changed')
  }
  const product = (await alice.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 5)
  for (const quantity of QUANTITIES) refused(`quantity ${JSON.stringify(quantity)}`, await alice.send('PUT', `/api/cart/lines/${product.id}`, { quantity }), true)
  return isCheaper
}

/** An honest order costs what the catalog says: at the order, on the invoice, in the provider's ledger. */
async function costsWhatItCosts(scene: Scene): Promise<boolean> {
  const bob = await scene.signIn('bob')
  const { due, expected, answer } = await order(bob, (body) => body)
  if (answer.status !== 201) throw new Error(`no order: ${answer.status} ${answer.text}`)
  const view = await settled(bob, answer.json.id)
  const ledger = await scene.visitor().request('GET', new URL(`/v1/payments?reference=${answer.json.id}`, endpoints.psp.url).href, { headers: { authorization: `Bearer ${endpoints.psp.merchantKey}` } })
  const paid = (ledger.json.items ?? ledger.json.payments ?? ledger.json) as { amountMinor: number }[]
  scene.note({ due, expected, order: view.order.totalMinor, invoice: view.invoice.value?.totalMinor, paid: paid[0]?.amountMinor })
  return due === expected && view.order.totalMinor === expected && paid.length === 1 && paid[0]!.amountMinor === expected
}

attack({
  id: 'A2-a',
  strategies: ['A2', 'S5.1'],
  kind: 'inherent',
  goal: 'pay less than the catalog says',
  without: null,
  stopped: { code: 'parameter-unexpected', detection: 'RE5' },
  run: cheat,
  probe: costsWhatItCosts,
})
