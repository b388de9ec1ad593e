/** What order tells others, and what it makes of what others tell. It declares only the fields that it reads. */
import type { EventHandlers, ShopEvent } from '@shop/chassis/inbox.ts'
import type { Outbox } from '@shop/chassis/outbox.ts'
import { problem } from '@shop/chassis/problem.ts'
import type { Tx } from '@shop/chassis/store.ts'
import { z } from 'zod'
import type { Advance } from './advance.ts'
import type { SagaEvent, Topic } from './domain/saga.ts'
import { lock, type Order } from './store.ts'

const EventUnexpected = problem('event-unexpected', 409, 'The event does not fit the order', 'Look at the order and replay the dead letter')

export const announce = (outbox: Outbox, tx: Tx, topic: Topic | 'order.placed', o: Order): Promise<void> =>
  outbox.add(tx, topic, o.id, {
    orderId: o.id, customerId: o.subject,
    ...(topic === 'order.paid' && { delivery: o.saga.delivery, address: o.address, lines: o.lines.map(({ productId, name, quantity }) => ({ productId, name, quantity })) }),
    ...(topic === 'order.cancelled' && { reason: o.saga.reason }),
  }, o.traceparent)

const about = z.object({ orderId: z.guid() })

export function eventHandlers(advance: Advance): EventHandlers {
  const on = (type: 'shipment-created' | 'dispatched' | 'payment-settled') => async (tx: Tx, event: ShopEvent) => {
    const order = await lock(tx, about.parse(event.data).orderId)
    if (!order) throw EventUnexpected({ evidence: { reason: 'unknown order' } })
    const result = await advance(tx, order, { type } satisfies SagaEvent)
    if ('refused' in result) throw EventUnexpected({ evidence: { reason: `${type} in ${order.saga.state}` } })
  }
  return {
    'shipment.created': on('shipment-created'),
    'shipment.dispatched': on('dispatched'),
    'shipment.delivered': on('dispatched'), // it also left, if that event was lost
    'payment.settled': on('payment-settled'),
  }
}
