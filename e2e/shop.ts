/**
 * The shop as its visitors know it: through its doors, and from endpoints.json alone. Nothing of the product is imported.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, fetch, type RequestInit, type Response } from 'undici'

export type Endpoints = {
  ca: string
  web: { url: string; openapi: string }
  mobile: { url: string }
  partner: { url: string; clients: { clientId: string; certificate: string; privateKey: string; apiKey: string }[] }
  identity: { issuer: string }
  dashboard: { url: string; events: string; testerToken: string }
  psp: { url: string; merchantKey: string }
  users: { username: string; password: string; role: string; seller?: string; certificate?: string; privateKey?: string }[]
  infrastructure: { postgres: { host: string; port: number; databases: string[] }; rabbitmq: { host: string; port: number }; consul: { host: string; port: number }[] }
  processes: { name: string; kind: string; service?: string; pid: number; uid?: number; log: string; address?: string; socket?: string; spiffeId?: string }[]
}

/** `SHOP_ENDPOINTS`, or what `npm run up` wrote in this checkout. */
export const endpointsFile = process.env['SHOP_ENDPOINTS'] ?? join(process.env['SHOP_DIR'] ?? join(import.meta.dirname, '../.shop'), 'endpoints.json')
export const readEndpoints = (): Endpoints => JSON.parse(readFileSync(endpointsFile, 'utf8')) as Endpoints

export const endpoints: Endpoints = readEndpoints()
export const ca = readFileSync(endpoints.ca, 'utf8')

/** A source address of this machine that nobody else uses: limits and blocks of one test never meet another's. */
export const freshAddress = (): string => `127.${10 + Math.floor(Math.random() * 200)}.${Math.floor(Math.random() * 256)}.${1 + Math.floor(Math.random() * 254)}`

export type Answer = { status: number; headers: Headers; text: string; json: any }

/** A browser without a screen: cookies, redirects by hand, its own source address. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  readonly address: string
  readonly #agent: Agent
  #csrf: string | undefined

  constructor(options: { address?: string; certificate?: string; privateKey?: string } = {}) {
    this.address = options.address ?? freshAddress()
    const client = options.certificate && options.privateKey ? { cert: readFileSync(options.certificate), key: readFileSync(options.privateKey) } : {}
    // Beside `connect`, not in it: there undici puts its own, which is none.
    this.#agent = new Agent({ localAddress: this.address, connect: { ca, family: 4, ...client }, keepAliveTimeout: 4_000 })
  }

  /** One request; no redirect is followed. `path` may be a whole URL. */
  async request(method: string, path: string, init: { body?: unknown; headers?: Record<string, string>; form?: Record<string, string> } = {}): Promise<Answer> {
    const url = new URL(path, endpoints.web.url)
    const headers: Record<string, string> = { ...init.headers }
    const jar = [...this.cookies].filter(([name]) => name.startsWith(`${url.origin} `)).map(([name, value]) => `${name.split(' ')[1]}=${value}`)
    if (jar.length && headers['cookie'] === undefined) headers['cookie'] = jar.join('; ')
    const request: RequestInit = { method, headers, redirect: 'manual', dispatcher: this.#agent }
    if (init.form) {
      headers['content-type'] ??= 'application/x-www-form-urlencoded'
      request.body = new URLSearchParams(init.form).toString()
    } else if (init.body !== undefined) {
      headers['content-type'] ??= 'application/json'
      request.body = typeof init.body === 'string' ? init.body : JSON.stringify(init.body)
    }
    const response = await fetch(url, request)
    this.#keep(url.origin, response)
    const text = await response.text()
    return { status: response.status, headers: response.headers as unknown as Headers, text, json: text && /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined }
  }

  #keep(origin: string, response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(';')
      const [name, ...value] = pair!.split('=')
      const isGone = /max-age=0\b|expires=thu, 01 jan 1970/i.test(line)
      if (isGone || value.join('=') === '') this.cookies.delete(`${origin} ${name}`)
      else this.cookies.set(`${origin} ${name}`, value.join('='))
    }
  }

  get = (path: string, headers?: Record<string, string>): Promise<Answer> => this.request('GET', path, headers ? { headers } : {})

  /** A change as the storefront's own pages make it: same origin, with the session's CSRF token. */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    this.#csrf ??= (await this.get('/api/session')).json.csrfToken as string
    return this.request(method, path, { ...(body !== undefined && { body }), headers: { 'x-csrf-token': this.#csrf, origin: new URL(endpoints.web.url).origin, 'sec-fetch-site': 'same-origin', ...headers } })
  }

  /** Follows redirects from `url` through the identity provider's sign-in page; resolves with the first address that starts with `end`, unvisited. */
  async authorize(url: string, username: string, end: string, password = endpoints.users.find((u) => u.username === username)?.password ?? ''): Promise<URL> {
    let at = url
    for (let hops = 0; hops < 12; hops++) {
      let answer = await this.get(at)
      const action = /action="([^"]*\/interaction\/[^"]*\/login)"/.exec(answer.text)?.[1]
      const csrf = /name="_csrf" value="([^"]+)"/.exec(answer.text)?.[1]
      if (action && csrf) {
        at = new URL(action, at).href
        answer = await this.request('POST', at, { form: { _csrf: csrf, username, password }, headers: { origin: new URL(at).origin } })
      }
      const location = answer.headers.get('location')
      if (!location) throw new Error(`the sign-in of ${username} stopped at ${new URL(at).pathname}: ${answer.status} ${answer.text.replaceAll(/<[^>]+>|\s+/g, ' ').slice(0, 300)}`)
      at = new URL(location, at).href
      if (at.startsWith(end)) return new URL(at)
    }
    throw new Error(`the sign-in of ${username} went round in circles`)
  }

  /** Signs in at the web door, as a person does. */
  async signIn(username: string, password?: string): Promise<this> {
    await this.get('/api/session')
    const origin = new URL(endpoints.web.url).origin
    const begin = (await this.get('/login?return=/')).headers.get('location')
    if (!begin) throw new Error('the web door did not send us to sign in')
    const back = await this.authorize(begin, username, `${origin}/callback`, password)
    await this.get(back.href)
    this.#csrf = undefined
    if (!(await this.get('/api/session')).json.user) throw new Error(`${username} is not signed in`)
    return this
  }

  async close(): Promise<void> {
    await this.#agent.close()
  }
}

export const address = { recipient: 'Alice Kim', line1: 'Lantern Row 7', postalCode: '10115', city: 'Berlin', country: 'DE' }

/** A payment token from the provider's own door, as its hosted field makes it. */
export async function paymentToken(visitor: Visitor, instrument: { cardNumber: string } | { iban: string } = { cardNumber: '4242424242424242' }): Promise<string> {
  const body = 'iban' in instrument ? { kind: 'bank-account', iban: instrument.iban, holder: 'Alice Kim' } : { kind: 'card', number: instrument.cardNumber, expiry: '12/34', cvc: '123' }
  const answer = await visitor.request('POST', new URL('/tokens', endpoints.psp.url).href, { body, headers: { origin: new URL(endpoints.psp.url).origin, 'sec-fetch-site': 'same-origin' } })
  if (answer.status !== 201 && answer.status !== 200) throw new Error(`no payment token: ${answer.status} ${answer.text}`)
  return answer.json.token as string
}

/** Products with at least `stock` pieces, in random order: tests beside each other rarely want the same last one. */
export async function wellStocked(visitor: Visitor, stock = 10): Promise<string[]> {
  const found: { id: string; at: number }[] = []
  for (let page = 1; page <= 3; page++)
    for (const product of (await visitor.get(`/api/products?pageSize=24&page=${page}`)).json.items) if (product.stock >= stock) found.push({ id: product.id, at: Math.random() })
  if (found.length === 0) throw new Error(`no product has ${stock} pieces left`)
  return found.sort((a, b) => a.at - b.at).map(({ id }) => id)
}

/** Fills the cart with `quantity` of `products` random things in stock and orders them. Resolves with the answer to placeOrder. */
export async function buy(visitor: Visitor, wish: { delivery?: 'standard' | 'express'; method?: 'card' | 'bank-account'; token?: string; key?: string; productIds?: string[]; quantity?: number } = {}): Promise<Answer> {
  const productIds = wish.productIds ?? (await wellStocked(visitor)).slice(0, 2)
  for (const id of productIds) {
    const put = await visitor.send('PUT', `/api/cart/lines/${id}`, { quantity: wish.quantity ?? 1 })
    if (put.status !== 200) throw new Error(`cart: ${put.status} ${put.text}`)
  }
  const { json: cart } = await visitor.get('/api/cart')
  const method = wish.method ?? 'card'
  const token = wish.token ?? (await paymentToken(visitor, method === 'card' ? undefined : { iban: 'DE89370400440532013000' }))
  return visitor.send('POST', '/api/orders', { delivery: wish.delivery ?? 'standard', name: 'Alice Kim', address, payment: { method, token }, agreedTotalMinor: cart.totalMinor, currency: cart.currency }, { 'idempotency-key': wish.key ?? randomUUID() })
}

/** Repeats `look` until it is truthy; waits on a condition, never for a time. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | false | null>, timeoutMs = 30_000): Promise<T> {
  const until = Date.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const seen = await look()
      if (seen) return seen
    } catch (error) {
      last = error
    }
    if (Date.now() > until) throw new Error(`${what} did not come in ${timeoutMs / 1000} s`, { cause: last })
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
}

export const FINAL = new Set(['completed', 'cancelled', 'rejected'])

/** The composed order once it has come to rest. */
export const settled = (visitor: Visitor, orderId: string, timeoutMs = 30_000): Promise<any> =>
  eventually(`an end of order ${orderId}`, async () => {
    const { json } = await visitor.get(`/api/orders/${orderId}`)
    return FINAL.has(json?.order?.status) && json
  }, timeoutMs)

/** Security events the monitor has, by filter. */
export async function events(filter: Record<string, string>): Promise<any[]> {
  const visitor = new Visitor()
  try {
    const url = new URL(endpoints.dashboard.events)
    for (const [name, value] of Object.entries(filter)) url.searchParams.set(name, value)
    const answer = await visitor.request('GET', url.href, { headers: { authorization: `Bearer ${endpoints.dashboard.testerToken}` } })
    if (answer.status !== 200) throw new Error(`events: ${answer.status} ${answer.text}`)
    return answer.json.events
  } finally {
    await visitor.close()
  }
}
