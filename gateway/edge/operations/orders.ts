import { hash } from 'node:crypto'
import { isKnown } from '../is-known.ts'
import { reply, found, type Handlers, type Shop } from './shop.ts'
import { viewOrder } from './order-view.ts'
import { createOrderStreams } from './watch-order.ts'

/** Ordering, and following what was ordered. */
export const orderOperations = (shop: Shop): Handlers => {
  const { ask } = shop
  return {
    listOrders: async (call) => found(await ask(call, 'order', 'listOrders', { query: call.input!.query })),
    placeOrder: async (call) => {
      const answer = await ask(call, 'order', 'placeOrder', { body: call.input!.body, pass: ['idempotency-key'] })
      const order = answer.json()
      return reply({ ...answer, headers: { ...answer.headers, location: `/api/orders/${order.id}` } }, order)
    },
    getOrder: async (call) => {
      const view = await viewOrder(shop, call, call.input!.params['orderId'])
      // Of the whole answer: a shipment may change while its order does not.
      const etag = `"${hash('sha256', JSON.stringify(view), 'base64url').slice(0, 22)}"`
      const known = isKnown(call.header('if-none-match'), etag)
      return reply({ status: known ? 304 : 200, headers: { etag, 'cache-control': 'private, no-cache' } }, known ? undefined : view)
    },
    watchOrder: createOrderStreams(shop),
    cancelOrder: async (call) => found(await ask(call, 'order', 'cancelOrder', { params: call.input!.params, pass: ['idempotency-key'] })),
  }
}
