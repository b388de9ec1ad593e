/** Everything a customer can be shown: pages, files, API answers, refusals of every kind, redirects, streams, certificates. */
import { randomUUID } from 'node:crypto'
import { connect } from 'node:tls'
import { ca, endpoints, settled, type Visitor } from '../shop.ts'
import { hostile } from './corpus.ts'
import { purchase } from './purchase.ts'
import { exchange } from './raw-http.ts'
import type { Scene } from './scene.ts'

export type Seen = { request: string; /** Headers and body. */ text: string }
type Ask = { request: string; isSignedIn: boolean; path: string; method?: string; headers?: Record<string, string>; body?: string }

/** Answers that are looked at; the fast run takes them from all over the same list. */
const MANY = 5_000, FEW = 300
const AT_ONCE = 8
/** A stranger's address has its limit, and a refusal by it would say the same again and again. */
const PER_STRANGER = 100

/** What alice and a stranger see at all doors, while one of the services tells all it knows. Gathered once a phase. */
export const crawl = (scene: Scene): Promise<Seen[]> => scene.shared('crawl', async () => {
  await scene.takeOver()
  const alice = await scene.signIn('alice')
  const orderId = (await purchase(alice)).json.id as string
  await settled(alice, orderId)
  const product = (await alice.get('/api/products?pageSize=1')).json.items[0]
  const asks = await list(scene.visitor(), orderId, product.id)
  const wanted = scene.isFast ? FEW : MANY
  const chosen = Array.from({ length: Math.min(wanted, asks.length) }, (_, i) => asks[Math.floor((i * asks.length) / Math.min(wanted, asks.length))]!)
  const seen = await Promise.all([...doors().map(certificateOf), watch(alice, orderId)])
  const next = async (): Promise<void> => {
    let stranger = scene.visitor()
    for (let asked = 1, one = chosen.shift(); one; one = chosen.shift(), asked++) {
      if (asked % PER_STRANGER === 0) stranger = scene.visitor()
      const { request, isSignedIn, path, method = 'GET', ...init } = one
      const { status, headers, text } = await (isSignedIn ? alice : stranger).request(method, path, init)
      seen.push({ request, text: `${status}\n${[...headers].map(([name, value]) => `${name}: ${value}`).join('\n')}\n\n${text}` })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
  return seen
})

const doors = () => [endpoints.web.url, endpoints.mobile.url, endpoints.partner.url, endpoints.identity.issuer, endpoints.psp.url, endpoints.dashboard.url]

async function list(stranger: Visitor, orderId: string, productId: string): Promise<Ask[]> {
  const { paths } = (await stranger.get('/openapi.json')).json as { paths: Record<string, unknown> }
  const pages = ['/', '/search?q=a', '/products/{productId}', '/cart', '/checkout', '/orders', '/orders/{orderId}', '/orders/{orderId}/invoice', '/account', '/seller', '/nowhere', '/robots.txt', '/.git/config', '/metrics', '/debug', '/server-status', '/openapi.json']
  const all = [...Object.keys(paths), ...pages].filter((path) => !path.endsWith('/events'))
  const fill = (path: string, order = orderId, product = productId) => path.replace('{orderId}', order).replace('{productId}', product).replace('{code}', 'csrf').replace('{file}', 'shop.css')
  const more = (path: string, query: string) => `${path}${path.includes('?') ? '&' : '?'}${query}`
  const odd: Record<string, string>[] = [{ 'x-forwarded-host': 'order' }, { authorization: 'Bearer x.y.z' }, { cookie: 'session=forged' }, { traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01` }, { 'x-debug': '1' }, { range: 'bytes=0-1' }, { 'if-none-match': '"1"' }, { 'accept-language': 'ko' }]
  const asks: Ask[] = []
  const add = (one: Omit<Ask, 'request' | 'isSignedIn'>) => { for (const isSignedIn of [true, false]) asks.push({ ...one, isSignedIn, request: `${one.method ?? 'GET'} ${one.path} as ${isSignedIn ? 'alice' : 'a stranger'}` }) }
  for (const path of all) {
    for (const target of new Set([fill(path), fill(path, randomUUID(), randomUUID()), more(fill(path), 'unknown=1')])) for (const accept of ['text/html', 'application/json']) add({ path: target, headers: { accept } })
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      if (path !== '/logout' && !path.endsWith('/cancel')) add({ method, path: fill(path, randomUUID(), randomUUID()), body: '{"x":', headers: { origin: new URL(endpoints.web.url).origin } })
    for (const headers of odd) add({ path: fill(path), headers })
    for (const [, text] of hostile) {
      const value = encodeURIComponent(text.toWellFormed())
      for (const accept of ['text/html', 'application/json']) asks.push({ request: `GET ${path} with ${text}`, isSignedIn: false, path: path.includes('{') ? fill(path, value, value) : more(path, `q=${value}`), headers: { accept } })
    }
  }
  for (const origin of doors()) for (const path of ['/', '/api/products', '/nowhere', '/.well-known/openid-configuration']) if (origin !== endpoints.partner.url) add({ path: new URL(path, origin).href })
  return asks
}

/** What its door's certificate says of it. */
const certificateOf = (url: string): Promise<Seen> => new Promise((resolve, reject) => {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: '127.0.0.1', port: Number(port), ca, ...(hostname === 'localhost' && { servername: hostname }) }, () => {
    const { subject, issuer, subjectaltname } = socket.getPeerCertificate()
    socket.destroy()
    resolve({ request: `the certificate of ${url}`, text: JSON.stringify({ subject, issuer, subjectaltname }) })
  }).once('error', reject)
})

/** The first second of an order's stream. */
async function watch(alice: Visitor, orderId: string): Promise<Seen> {
  const cookie = [...alice.cookies].map(([name, value]) => `${name.split(' ')[1]}=${value}`).join('; ')
  const { headers, text } = await exchange(alice.address, `GET /api/orders/${orderId}/events HTTP/1.1\r\nHost: HOST\r\nCookie: ${cookie}\r\n\r\n`, { waitMs: 1_000 })
  return { request: 'GET an order\'s events', text: `${headers}\n\n${text}` }
}
