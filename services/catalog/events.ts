/** What the catalog tells others. */
import type { Outbox } from '@shop/chassis/outbox.ts'
import type { Tx } from '@shop/chassis/store.ts'
import type { Product } from './store.ts'

/** Receivers that show prices or stock read the product again. */
export const productChanged = (outbox: Outbox, tx: Tx, product: Product, traceparent: string): Promise<void> =>
  outbox.add(tx, 'product.changed', product.id, { productId: product.id, number: product.number, seller: product.seller.id, version: product.version }, traceparent)
