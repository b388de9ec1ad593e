/** What shipping does, whether it was asked (request) or told (event): both ways of A5 end here. */
import { problem } from '@shop/chassis/problem.ts'
import type { Outbox } from '@shop/chassis/outbox.ts'
import type { Tx } from '@shop/chassis/store.ts'
import { pack } from './domain/bill-of-lading.ts'
import { after, nextStep } from './domain/shipment.ts'
import { cancelOrLock, findByOrder, insert, lockDue, move, type Shipment, type ShippingOrder } from './store.ts'

export const AlreadyDispatched = problem('already-dispatched', 409, 'The parcel has left already', 'Send it back when it arrives')
export const OrderCancelled = problem('order-cancelled', 409, 'This order was cancelled before it was shipped', 'Place a new order')

export type ShipParts = { outbox: Outbox; now(): Date }

/** Makes the shipment of an order once; asked again it answers with the one that is there. Throws order-cancelled. */
export async function ship({ outbox, now }: ShipParts, tx: Tx, orderId: string, order: ShippingOrder, traceparent?: string): Promise<Shipment> {
  const first = nextStep('created', order.priority)!
  const isNew = await insert(tx, orderId, order, pack(order.lines), new Date(now().getTime() + first.afterMs))
  const shipment = await findByOrder(tx, orderId)
  if (!shipment || shipment.status === 'cancelled') throw OrderCancelled()
  if (isNew) await outbox.add(tx, 'shipment.created', orderId, { orderId, shipmentId: shipment.id }, traceparent)
  return shipment
}

/** Throws already-dispatched when the carrier has it. */
export async function cancel({ outbox }: ShipParts, tx: Tx, orderId: string, traceparent?: string): Promise<void> {
  const { id, status } = await cancelOrLock(tx, orderId)
  const next = after(status, 'cancel')
  if (!next) throw AlreadyDispatched()
  if (next === status) return
  await move(tx, id, next, null)
  await outbox.add(tx, 'shipment.cancelled', orderId, { orderId, shipmentId: id }, traceparent)
}

const TOPIC = { dispatched: 'shipment.dispatched', delivered: 'shipment.delivered' } as Record<string, string>

/** The sandbox carrier: moves one due shipment a step. False when none was due. A real carrier would report these steps. */
export async function carryOne({ outbox, now }: ShipParts, tx: Tx): Promise<boolean> {
  const due = await lockDue(tx, now())
  if (!due) return false
  const status = after(due.status, nextStep(due.status, due.priority)!.step)!
  const then = nextStep(status, due.priority)
  await move(tx, due.id, status, then && new Date(now().getTime() + then.afterMs))
  if (TOPIC[status]) await outbox.add(tx, TOPIC[status], due.orderId, { orderId: due.orderId, shipmentId: due.id })
  return true
}
