import type { Service } from '@shop/chassis/service.ts'

export const order: Service = {
  name: 'order',
  publishes: ['order.placed', 'order.paid', 'order.completed', 'order.cancelled'],
  subscribes: ['shipment.created', 'shipment.dispatched', 'shipment.delivered', 'payment.settled'],
  callers: {
    edge: ['getCart', 'putCartLine', 'deleteCartLine', 'mergeCart', 'getProfile', 'putProfile', 'placeOrder', 'getOrder', 'listOrders', 'cancelOrder'],
  },
  instances: 2,
  limits: { memoryMb: 256, cpu: 0.5 },
}
