import type { Service } from '@shop/chassis/service.ts'

export const shipping: Service = {
  name: 'shipping',
  publishes: ['shipment.created', 'shipment.dispatched', 'shipment.delivered', 'shipment.cancelled'],
  subscribes: ['order.paid', 'order.cancelled'],
  callers: {
    edge: ['findByOrder'],
    order: ['createShipment', 'cancelShipment'],
  },
  limits: { memoryMb: 256, cpu: 0.5 },
}
