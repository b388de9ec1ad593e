import { NotFound, NotYours } from '@shop/chassis/problem.ts'
import { noContent, ok, type Routes } from '@shop/chassis/server.ts'
import { cancel, ship, type ShipParts } from './ship.ts'
import { findByOrder, type Shipment } from './store.ts'

export const routes = (d: ShipParts): Routes => ({
  createShipment: async ({ params, body, tx, traceparent }) => ok(publicShipment(await ship(d, tx, params.orderId, body, traceparent))),
  cancelShipment: async ({ params, tx, traceparent }) => {
    await cancel(d, tx, params.orderId, traceparent)
    return noContent()
  },
  // Another customer's shipment is not found rather than forbidden: its existence is nobody's business (S2.1).
  findByOrder: async ({ params, caller, tx }) => {
    const shipment = await findByOrder(tx, params.orderId)
    if (!shipment) throw NotFound()
    if (shipment.customerId !== caller.subject && caller.role !== 'staff') throw NotYours()
    return ok(publicShipment(shipment))
  },
})

const publicShipment = ({ id, number, orderId, status, priority, address, packages, tracking }: Shipment) => ({
  id, number, orderId, status, priority,
  billOfLading: { number: `BL-${number.slice(3)}`, address, packages },
  tracking: tracking.map(({ status, at }) => ({ status, at: new Date(at).toISOString() })),
})
