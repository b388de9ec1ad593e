/** Browsing: the catalog's answers with the addresses of this shop. */
import type { Reply } from '../ask.ts'
import type { Answer } from '../call.ts'
import { made, reply, type Handlers, type Shop } from './shop.ts'

const withPicture = <P extends { id: string }>(product: P): P => ({ ...product, pictureUrl: `/pictures/${product.id}` })
const withPictures = <P extends { items?: { id: string }[] }>(page: P): P => ({ ...page, items: page.items?.map(withPicture) })
export const productJson = (r: Reply): Answer => reply(r, withPicture(r.json()))
export const pageJson = (r: Reply): Answer => reply(r, withPictures(r.json()))

export const catalogOperations = ({ ask }: Shop): Handlers => ({
  listProducts: async (call) => made(await ask(call, 'catalog', 'listProducts', { query: call.input!.query }), withPictures),
  getProduct: async (call) => made(await ask(call, 'catalog', 'getProduct', { params: call.input!.params, pass: ['if-none-match'] }), withPicture),
  listCategories: async (call) => made(await ask(call, 'catalog', 'listCategories'), (categories) => categories),
  getPicture: async (call) => {
    const { status, headers, body } = await ask(call, 'catalog', 'getPicture', { params: call.input!.params, pass: ['if-none-match'] })
    // A drawing is a document to a browser that opens it alone: there it may do nothing at all (T1).
    return { status, headers: { ...headers, 'content-type': 'image/svg+xml', 'cache-control': 'public, max-age=3600', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox" }, ...(status === 200 && { body }) }
  },
})
