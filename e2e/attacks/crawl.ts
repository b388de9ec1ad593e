/** Everything a customer can be shown: pages, files, API answers, refusals of every kind, redirects, streams. */
import { randomUUID } from 'node:crypto'
import { endpoints, settled, type Answer } from '../shop.ts'
import { purchase } from './purchase.ts'
import type { Scene } from './scene.ts'

export type Seen = { request: string; answer: Answer; /** Status line apart: all that came. */ text: string }

let once: Promise<Seen[]> | undefined
/** Resolves with what alice and a stranger see, at all doors; gathered once a run. */
export const crawl = (scene: Scene): Promise<Seen[]> => (once ??= gather(scene))

async function gather(scene: Scene): Promise<Seen[]> {
  const seen: Seen[] = []
  const keep = (request: string, answer: Answer): Answer => {
    seen.push({ request, answer, text: `${[...answer.headers].map(([name, value]) => `${name}: ${value}`).join('\n')}\n\n${answer.text}` })
    return answer
  }
  const [alice, stranger] = [await scene.signIn('alice'), scene.visitor()]
  const placed = keep('POST /api/orders', await purchase(alice))
  const orderId = placed.json.id as string
  await settled(alice, orderId)
  const product = (await alice.get('/api/products?pageSize=1')).json.items[0]
  const doc = (await stranger.get('/openapi.json')).json as { paths: Record<string, Record<string, unknown>> }
  const fill = (path: string, orders = orderId, products = product.id) => path.replace('{orderId}', orders).replace('{productId}', products).replace('{code}', 'csrf')
  for (const path of [...Object.keys(doc.paths), '/', '/search?q=a', '/products/{productId}', '/cart', '/checkout', '/orders', '/orders/{orderId}', '/orders/{orderId}/invoice', '/account', '/seller', '/nowhere', '/robots.txt', '/.git/config', '/metrics', '/debug', '/server-status']) {
    if (path.endsWith('/events')) continue
    for (const [who, visitor] of [['alice', alice], ['a stranger', stranger]] as const) {
      for (const target of new Set([fill(path), fill(path, randomUUID(), randomUUID()), `${fill(path)}${path.includes('?') ? '&' : '?'}unknown=1`]))
        for (const accept of ['text/html', 'application/json']) keep(`GET ${target} as ${who}`, await visitor.get(target, { accept }))
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) if (path !== '/logout' && path !== '/api/orders/{orderId}/cancel') keep(`${method} ${path} as ${who}`, await visitor.request(method, fill(path, randomUUID(), randomUUID()), { body: '{"x":', headers: { origin: new URL(endpoints.web.url).origin } }))
    }
  }
  const odd: Record<string, string>[] = [{ host: 'order' }, { 'x-forwarded-host': 'order' }, { authorization: 'Bearer x.y.z' }, { cookie: `${[...alice.cookies.keys()][0]?.split(' ')[1]}=forged` }, { traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01` }, { 'x-debug': '1' }, { range: 'bytes=0-1' }]
  for (const headers of odd)
    keep(`GET /api/products with ${Object.keys(headers)[0]}`, await stranger.get('/api/products', headers))
  for (const origin of [endpoints.mobile.url, endpoints.identity.issuer, endpoints.psp.url, endpoints.dashboard.url])
    for (const path of ['/', '/api/products', '/nowhere', '/.well-known/openid-configuration']) keep(`GET ${origin}${path}`, await stranger.get(new URL(path, origin).href))
  return seen
}
