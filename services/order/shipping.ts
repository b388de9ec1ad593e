/** Order's neighbour shipping: the request way of A5. The event way is order.paid and shipment.created. */
import type { Neighbour } from '@shop/chassis/neighbour.ts'
import { noOutcome, type Steps } from './steps.ts'

export const shipmentSteps = (shipping: Neighbour): Pick<Steps, 'createShipment' | 'cancelShipment'> => ({
  async createShipment({ id, subject, address, lines, saga, traceparent }) {
    const answer = await shipping.request({
      method: 'PUT', path: `/shipments/${id}`, traceparent, timeoutMs: 4_000,
      body: { customerId: subject, priority: saga.delivery, address, lines: lines.map(({ productId, name, quantity }) => ({ productId, name, quantity })) },
    })
    if (answer.status === 200 || answer.status === 201) return { type: 'shipment-created' }
    if (answer.status === 409 || answer.status === 400) return { type: 'shipment-refused' }
    throw noOutcome('shipping', answer)
  },
  async cancelShipment({ id, traceparent }) {
    const answer = await shipping.request({ method: 'DELETE', path: `/shipments/${id}`, traceparent, timeoutMs: 4_000 })
    if (answer.status === 204 || answer.status === 200) return { type: 'shipment-cancelled' }
    if (answer.status === 409) return { type: 'dispatched' }
    throw noOutcome('shipping', answer)
  },
})
