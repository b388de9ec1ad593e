/** Browsing: the catalog's answers with the addresses of this shop. */
import type { Answer } from '../call.ts'
import { found, reply, type Handlers, type Shop } from './shop.ts'

const withPicture = <P extends { id: string }>(product: P): P => ({ ...product, pictureUrl: `/pictures/${product.id}` })
export const productJson = ({ headers, json, status }: { headers: Record<string, string>; json(): any; status: number }): Answer =>
  reply({ status, headers }, status === 304 ? undefined : withPicture(json()))
export const pageJson = ({ headers, json, status }: { headers: Record<string, string>; json(): any; status: number }): Answer => {
  const page = json()
  return reply({ status, headers }, { ...page, items: page.items?.map(withPicture) })
}

export const catalogOperations = ({ ask }: Shop): Handlers => ({
  listProducts: async (call) => pageJson(await ask(call, 'catalog', 'listProducts', { query: call.input!.query })),
  getProduct: async (call) => productJson(await ask(call, 'catalog', 'getProduct', { params: call.input!.params, pass: ['if-none-match'] })),
  listCategories: async (call) => found(await ask(call, 'catalog', 'listCategories')),
  getPicture: async (call) => {
    const { status, headers, body } = await ask(call, 'catalog', 'getPicture', { params: call.input!.params, pass: ['if-none-match'] })
    // A drawing is a document to a browser that opens it alone: there it may do nothing at all (T1).
    return { status, headers: { ...headers, 'content-type': 'image/svg+xml', 'cache-control': 'public, max-age=3600', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox" }, ...(status === 200 && { body }) }
  },
})
