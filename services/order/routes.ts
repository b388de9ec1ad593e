/** Order's operations by operationId; their shapes: openapi.yaml. */
import type { Caller } from '@shop/chassis/caller.ts'
import type { Outbox } from '@shop/chassis/outbox.ts'
import { NotFound, NotYours, PreconditionFailed, PreconditionRequired, problem } from '@shop/chassis/problem.ts'
import { created, ok, type Reply, type Routes } from '@shop/chassis/server.ts'
import type { Store, Tx } from '@shop/chassis/store.ts'
import type { MayCancel } from './access.ts'
import type { Advance } from './advance.ts'
import * as carts from './carts.ts'
import type { QuoteFor } from './catalog.ts'
import { agreed, type Refusal, priced, type Cart, type CartLine } from './domain/cart.ts'
import { totalMinor } from './domain/money.ts'
import { announce } from './events.ts'
import { profileOf, saveProfile, type Profile } from './profiles.ts'
import { publicOrder } from './public-order.ts'
import { find, insert, list, lock, type Order } from './store.ts'

export type OrderParts = { store: Store; outbox: Outbox; quote: QuoteFor; mayCancel: MayCancel; advance: Advance; agree?: typeof agreed }

const PriceChanged = problem('price-changed', 409, 'A price has changed since you saw the total', 'Look at the cart again and agree to the new total', 'IE4')
const OutOfStock = problem('out-of-stock', 409, 'There is not enough of this in stock', 'Lower the quantities named in errors')
const TotalTooHigh = problem('total-too-high', 409, 'The total is more than one payment may be', 'Order in two parts')
const CartEmpty = problem('cart-empty', 409, 'There is nothing in the cart', 'Put something in')
const NotCancellable = problem('not-cancellable', 409, 'This order can no longer be cancelled', 'Look at its status')
const AlreadyDispatched = problem('already-dispatched', 409, 'The parcel has left already', 'Send it back when it arrives')

export const routes = ({ agree = agreed, ...d }: OrderParts): Routes => {
  async function at(lines: CartLine[], caller: Caller, traceparent: string): Promise<Cart> {
    return priced(lines, await d.quote(caller, lines.map((l) => l.productId), traceparent))
  }
  const cartOf = async (tx: Tx, caller: Caller, traceparent: string) => at(await carts.linesOf(tx, caller.subject), caller, traceparent)
  return {
    getCart: async ({ caller, tx, traceparent }) => ok(await cartOf(tx, caller, traceparent)),
    putCartLine: async ({ params, body, caller, traceparent, tx }) => {
      if ((await d.quote(caller, [params.productId], traceparent)).length === 0) throw NotFound({ detail: 'There is no such product' })
      await d.store.transaction((t) => carts.putLine(t, caller.subject, { productId: params.productId, quantity: body.quantity }))
      return ok(await cartOf(tx, caller, traceparent))
    },
    deleteCartLine: async ({ params, caller, traceparent, tx }) => {
      await carts.removeLine(tx, caller.subject, params.productId)
      return ok(await cartOf(tx, caller, traceparent))
    },
    mergeCart: async ({ body, caller, traceparent, tx }) => {
      await d.store.transaction((t) => carts.mergeCarts(t, caller.subject, `guest:${body.guestId}`))
      return ok(await cartOf(tx, caller, traceparent))
    },
    getProfile: async ({ caller, tx }) => withVersion(await profileOf(tx, caller.subject)),
    putProfile: async ({ headers, body, caller, tx }) => {
      if (!headers['if-match']) throw PreconditionRequired()
      const saved = await saveProfile(tx, caller.subject, { ...body, version: Number(headers['if-match'].slice(1, -1)) })
      return saved ? withVersion(saved) : Promise.reject(PreconditionFailed())
    },
    placeOrder: async ({ body, caller, traceparent, tx }) => {
      const cart = await at(await carts.lockCart(tx, caller.subject), caller, traceparent)
      const lines = agree(cart, body)
      if ('refused' in lines) throw refusalOf(lines)
      const order = await insert(tx, {
        subject: caller.subject, name: body.name, address: body.address, lines, totalMinor: totalMinor(lines), currency: cart.currency,
        method: body.payment.method, paymentToken: body.payment.token, delivery: body.delivery, traceparent,
      })
      await carts.clearCart(tx, caller.subject)
      await announce(d.outbox, tx, 'order.placed', order)
      return created(publicOrder(order), { etag: etag(order) })
    },
    getOrder: async ({ params, headers, caller, tx }) => {
      const order = visible(await find(tx, params.orderId), caller)
      const tag = etag(order)
      const known = (headers['if-none-match'] ?? '').split(',').map((t: string) => t.trim().replace(/^W\//, ''))
      return known.includes(tag) ? { status: 304, headers: { etag: tag } } : ok(publicOrder(order), { etag: tag })
    },
    listOrders: async ({ query: { page, pageSize }, caller, tx }) => {
      const { items, total } = await list(tx, caller.role === 'staff' ? null : caller.subject, page, pageSize)
      return ok({ items: items.map(publicOrder), page, pageSize, total })
    },
    cancelOrder: async ({ params, caller, traceparent, tx }) => {
      const { id, subject } = visible(await find(tx, params.orderId), caller)
      if (!(await d.mayCancel(caller, { id, owner: subject }, traceparent))) throw NotYours({ evidence: { reason: 'access said no' } })
      const result = await d.advance(tx, (await lock(tx, id))!, { type: 'cancel' })
      if ('refused' in result) throw result.refused === 'dispatched' ? AlreadyDispatched() : NotCancellable()
      return ok(publicOrder(result), { etag: etag(result) })
    },
  }
}

const etag = ({ version }: { version: number }): string => `"${version}"`
const withVersion = (profile: Profile): Reply => ok(profile, { etag: etag(profile) })

function visible(order: Order | null, caller: Caller): Order {
  if (!order) throw NotFound()
  if (order.subject !== caller.subject && caller.role !== 'staff') throw NotYours()
  return order
}

const refusalOf = ({ refused, lines }: Refusal) =>
  refused === 'cart-empty' ? CartEmpty()
  : refused === 'out-of-stock' ? OutOfStock({ errors: lines.map((i) => ({ field: `cart.lines[${i}].quantity`, message: 'is more than there is' })) })
  : refused === 'total-too-high' ? TotalTooHigh()
  : Object.assign(PriceChanged(), { control: { name: 'server-price', strategies: ['A2'] } }) // a race as a rule; who tries many totals is seen
