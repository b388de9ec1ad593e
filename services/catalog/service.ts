import type { Service } from '@shop/chassis/service.ts'

export const catalog: Service = {
  name: 'catalog',
  publishes: ['product.changed'],
  subscribes: [],
  callers: {
    edge: ['listProducts', 'getProduct', 'getPicture', 'listCategories', 'createProduct', 'updateProduct'],
    order: ['quoteProducts', 'reserveStock', 'commitReservation', 'releaseReservation'],
  },
  limits: { memoryMb: 256, cpu: 0.5 },
}
