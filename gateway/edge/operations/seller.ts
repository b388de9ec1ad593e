/** A seller's own products. Whose they are, catalog decides; the list shows the seller's alone. */
import { RoleNotAllowed } from '../problems.ts'
import { pageJson, productJson } from './catalog.ts'
import type { Handlers, Shop } from './shop.ts'

export const sellerOperations = ({ ask }: Shop): Handlers => ({
  listSellerProducts: async (call) => {
    const seller = call.session?.data.user?.seller
    if (!seller) throw RoleNotAllowed()
    return pageJson(await ask(call, 'catalog', 'listProducts', { query: { ...call.input!.query, seller } }))
  },
  createSellerProduct: async (call) => {
    const answer = await ask(call, 'catalog', 'createProduct', { body: call.input!.body, pass: ['idempotency-key'] })
    return productJson({ ...answer, headers: { ...answer.headers, location: `/api/products/${answer.json().id}` } })
  },
  updateSellerProduct: async (call) => productJson(await ask(call, 'catalog', 'updateProduct', { params: call.input!.params, body: call.input!.body, pass: ['if-match'] })),
})
