/** The catalog's operations by operationId; their shapes: openapi.yaml. */
import { createHash } from 'node:crypto'
import type { Caller } from '@shop/chassis/caller.ts'
import type { Outbox } from '@shop/chassis/outbox.ts'
import { NotFound, NotYours, PreconditionFailed, PreconditionRequired, problem } from '@shop/chassis/problem.ts'
import { created, noContent, ok, type Reply, type Routes } from '@shop/chassis/server.ts'
import type { MayEdit } from './access.ts'
import { productChanged } from './events.ts'
import { drawPicture } from './pictures/picture.ts'
import { commit, release, reserve } from './reservations.ts'
import * as products from './store.ts'

export type CatalogParts = { outbox: Outbox; mayEdit: MayEdit; reservationSeconds: number; now(): Date }

const SellersOnly = problem('sellers-only', 403, 'Only sellers offer and edit products', 'Sign in as a seller', 'ACE3')

export const routes = (d: CatalogParts): Routes => ({
  listProducts: async ({ query, tx }) => {
    const { items, total } = await products.list(tx, query)
    return ok({ items, page: query.page, pageSize: query.pageSize, total })
  },
  getProduct: async ({ params, headers, tx }) => {
    const product = await found(products.find(tx, params.productId))
    return unlessKnown(headers, etag(product), ok(product))
  },
  getPicture: async ({ params, headers, tx }) => {
    const { number, name, category } = await found(products.find(tx, params.productId))
    const svg = drawPicture({ number, name, category })
    const tag = `"${createHash('sha256').update(svg).digest('base64url').slice(0, 22)}"`
    return unlessKnown(headers, tag, ok(svg, { 'content-type': 'image/svg+xml', 'cache-control': 'public, max-age=3600' }))
  },
  listCategories: async ({ tx }) => ok(await products.categories(tx)),
  createProduct: async ({ body, caller, traceparent, tx }) => {
    const product = await products.create(tx, sellerOf(caller), body)
    if (!product) throw SellersOnly({ evidence: { reason: 'unknown seller' } })
    await productChanged(d.outbox, tx, product, traceparent)
    return created(product, { etag: etag(product) })
  },
  updateProduct: async ({ params, headers, body, caller, traceparent, tx }) => {
    const seller = sellerOf(caller)
    if (!headers['if-match']) throw PreconditionRequired()
    const present = await products.findOwn(tx, params.productId, seller)
    if (!present) throw (await products.find(tx, params.productId)) ? NotYours() : NotFound()
    if (!(await d.mayEdit(caller, present.id, present.seller.id, traceparent))) throw NotYours({ evidence: { reason: 'access said no' } })
    if (headers['if-match'] !== etag(present)) throw PreconditionFailed()
    const product = await products.update(tx, present.id, body)
    await productChanged(d.outbox, tx, product, traceparent)
    return ok(product, { etag: etag(product) })
  },
  quoteProducts: async ({ query, tx }) => ok({ items: await products.quotes(tx, query.ids.split(',')) }),
  reserveStock: async ({ params, body, tx }) =>
    ok(await reserve(tx, params.orderId, body.lines, new Date(d.now().getTime() + d.reservationSeconds * 1_000))),
  commitReservation: async ({ params, tx }) => {
    await commit(tx, params.orderId)
    return noContent()
  },
  releaseReservation: async ({ params, tx }) => {
    await release(tx, params.orderId)
    return noContent()
  },
})

const etag = (product: products.Product): string => `"${product.version}"`

async function found(product: Promise<products.Product | null>): Promise<products.Product> {
  return (await product) ?? Promise.reject(NotFound())
}

/** RFC 9110 §13.1.2, weak comparison. */
function unlessKnown(headers: Record<string, string>, tag: string, reply: Reply): Reply {
  const known = headers['if-none-match']?.split(',').map((t) => t.trim().replace(/^W\//, ''))
  return known?.includes(tag) || known?.includes('*') ? { status: 304, headers: { etag: tag } } : { ...reply, headers: { ...reply.headers, etag: tag } }
}

function sellerOf(caller: Caller): string {
  if (caller.role !== 'seller' || !caller.seller) throw SellersOnly()
  return caller.seller
}
