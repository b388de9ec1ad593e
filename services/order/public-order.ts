/** An order as its customer sees it: no payment token, no subject, no worker. */
import { statusOf } from './domain/saga.ts'
import type { Order } from './store.ts'

export const publicOrder = (o: Order) => ({
  id: o.id, number: o.number, status: statusOf(o.saga), ...(o.saga.reason && { reason: o.saga.reason }), delivery: o.saga.delivery, name: o.name,
  lines: o.lines, totalMinor: o.totalMinor, currency: o.currency, address: o.address,
  payment: { method: o.method, status: o.saga.payment, ...(o.saga.declineReason && { declineReason: o.saga.declineReason }) },
  placedAt: o.placedAt.toISOString(), history: o.history, version: o.version,
})
