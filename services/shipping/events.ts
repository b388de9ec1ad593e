/** What shipping reads from the queue (the event half of A5). It declares the fields that it reads, and no more. */
import { z } from 'zod'
import type { EventHandlers } from '@shop/chassis/inbox.ts'
import { Problem } from '@shop/chassis/problem.ts'
import { AlreadyDispatched, cancel, OrderCancelled, ship, type ShipParts } from './ship.ts'

const address = z.object({ recipient: z.string(), line1: z.string(), line2: z.string().optional(), postalCode: z.string(), city: z.string(), country: z.string() })
const orderPaid = z.object({
  orderId: z.guid(), customerId: z.string(), delivery: z.enum(['standard', 'express']), address,
  lines: z.array(z.object({ productId: z.guid(), name: z.string(), quantity: z.int().min(1) })).min(1),
})
const orderCancelled = z.object({ orderId: z.guid() })

export const events = (d: ShipParts): EventHandlers => ({
  'order.paid': async (tx, { data, traceparent }) => {
    const { orderId, customerId, delivery, address, lines } = orderPaid.parse(data)
    // Express orders are asked for by request; the event then finds the work done.
    await ship(d, tx, orderId, { customerId, priority: delivery, address, lines }, traceparent).catch(unless(OrderCancelled.code))
  },
  'order.cancelled': async (tx, { data, traceparent }) => {
    await cancel(d, tx, orderCancelled.parse(data).orderId, traceparent).catch(unless(AlreadyDispatched.code))
  },
})

/** An event tells of what has happened: that it comes late is no error, and repeating it would not help. */
const unless = (code: string) => (error: unknown) => {
  if (!(error instanceof Problem && error.code === code)) throw error
}
