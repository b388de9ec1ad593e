import type { Service } from '@shop/chassis/service.ts'

export const billing: Service = {
  name: 'billing',
  publishes: ['payment.authorized', 'payment.declined', 'payment.captured', 'payment.cancelled', 'payment.settled'],
  subscribes: [],
  callers: {
    edge: ['findByOrder', 'receiveProviderEvent'],
    order: ['authorizePayment', 'capturePayment', 'cancelPayment'],
  },
  external: ['psp'],
  limits: { memoryMb: 256, cpu: 0.5 },
}
