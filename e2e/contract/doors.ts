/** The edge's three doors: who comes in there, and who does not. */
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ca, endpoints, Visitor } from '../shop.ts'
import { purchase } from '../attacks/purchase.ts'
import { openChannel, type Channel } from './channel.ts'
import type { Sent } from './cases.ts'
import { operationsOf, type Json, type Operation } from './documents.ts'
import type { Answer } from './judge.ts'
import { USUAL, type Place, type Stranger } from './place.ts'
import { takeAway } from './products.ts'

const UNSAFE = (method: string) => method !== 'GET' && method !== 'HEAD'

/** Someone at the web door: cookies kept, the token of the session asked for again whenever they change. */
function openVisitor(channel: Channel, visitor: Visitor) {
  const { origin } = new URL(endpoints.web.url)
  let csrf: string | undefined
  const cookie = () => [...visitor.cookies].filter(([name]) => name.startsWith(`${origin} `)).map(([name, value]) => `${name.split(' ')[1]}=${value}`).join('; ')
  const keep = (answer: Answer): Answer => {
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [name, value] = line.split(';')[0]!.split('=')
      if (value === '' || /max-age=0\b/i.test(line)) visitor.cookies.delete(`${origin} ${name}`)
      else visitor.cookies.set(`${origin} ${name}`, value!)
      csrf = undefined
    }
    return answer
  }
  const token = async () => (csrf ??= keep(await channel.send({ method: 'GET', path: '/api/session', headers: { cookie: cookie() } })).json.csrfToken as string)
  return {
    visitor, cookie, token,
    /** As a page of the shop does it, but for the headers that `sent` brings itself; an empty one is left out. */
    async send(sent: Sent): Promise<Answer> {
      const own = { ...(UNSAFE(sent.method) && { 'x-csrf-token': await token(), origin, 'sec-fetch-site': 'same-origin' }), cookie: cookie() }
      const headers = Object.fromEntries(Object.entries({ ...own, ...sent.headers }).filter(([name, value]) => value !== '' || !(name in own)))
      return keep(await channel.send({ ...sent, headers }))
    },
  }
}

export async function webDoor(document: Json): Promise<Place> {
  const channel = openChannel(new URL(endpoints.web.url).origin, { ca })
  const anonymous = new Visitor()
  await anonymous.get('/api/session')
  const [alice, bob, hanok, kopi] = await Promise.all(['alice', 'bob', 'hanok', 'kopi'].map(async (name) => openVisitor(channel, await new Visitor().signIn(name))))
  const guest = openVisitor(channel, anonymous)
  const product = (await anonymous.get('/api/products?pageSize=50')).json.items.find((one: Json) => one['seller'].id !== 'hanok')
  const orderId = (await purchase(alice!.visitor)).json.id as string
  const draft = { name: 'Something to walk over', description: 'Made by a test and taken away again', category: product.category as string, priceMinor: 100, currency: 'EUR', stock: 0 }
  const own = (await hanok!.visitor.send('POST', '/api/seller/products', draft, { 'idempotency-key': randomUUID() })).json as Json
  const versions = new Map<string, unknown>()
  const made = [own['id'] as string]
  const profile = (await alice!.visitor.get('/api/profile')).json as Json
  const actor = (operation: Operation) => ({ public: guest, customer: alice!, seller: hanok! })[operation.spec['x-audience'] as string]
  const isOwned = (operation: Operation) => operation.parameters.some(({ name }) => name === 'orderId')
  const isEdit = (operation: Operation) => operation.parameters.some(({ name }) => name === 'If-Match')
  const path = (operation: Operation, id: string) => operation.path.replace('{productId}', id)

  return {
    name: 'web', document, operations: operationsOf(document), refusals: USUAL,
    known: {
      parameters: { productid: () => product.id, orderid: () => orderId, 'idempotency-key': () => randomUUID(), code: () => 'csrf', category: () => product.category },
      bodies: { createSellerProduct: () => draft, updateSellerProduct: () => draft, putCartLine: () => ({ quantity: 1 }) },
    },
    isSerial: (operation) => isEdit(operation) || '303' in operation.responses,
    async send(operation, sent, isMeant) {
      const someone = actor(operation)
      if (!someone) return channel.send(sent)
      if (!isMeant || !isEdit(operation) || 'if-match' in sent.headers) {
        const answer = await someone.send(sent)
        if (operation.id === 'createSellerProduct' && answer.status === 201) made.push(answer.json.id)
        return answer
      }
      // An edit gets as far as the edit only with the version of this moment.
      const at = operation.path.includes('{productId}') ? { ...sent, path: sent.path.replace(product.id, own['id']) } : sent
      const version = versions.get(at.path) ?? (await someone.send({ method: 'GET', path: at.path.replace('/seller', ''), headers: {} })).headers['etag']
      const answer = await someone.send({ ...at, headers: { ...at.headers, ...(typeof version === 'string' && { 'if-match': version }) } })
      if (answer.status === 200) versions.set(at.path, answer.headers['etag'])
      else versions.delete(at.path)
      return answer
    },
    async strangers(operation) {
      const audience = operation.spec['x-audience'] as string
      const someone = actor(operation)
      const list: Stranger[] = [{ name: 'with a token of any kind', send: (sent) => channel.send({ ...sent, headers: { ...sent.headers, authorization: 'Bearer x.y.z' } }), statuses: [401], codes: ['token-not-accepted'] }]
      if (audience === 'provider') return [...list, { name: 'from a browser', send: (sent) => channel.send({ ...sent, headers: { ...sent.headers, origin: 'https://evil.example' } }), statuses: [403], codes: ['csrf'] }]
      const forged = bob!.cookie().replace(/=(.)/, (_all, first: string) => `=${first === 'A' ? 'B' : 'A'}`)
      list.push({ name: 'with a forged cookie', send: (sent) => channel.send({ ...sent, headers: { ...sent.headers, cookie: forged } }), statuses: [401], codes: ['session-invalid'] })
      list.push({ name: 'from another site', send: (sent) => someone!.send({ ...sent, headers: { ...sent.headers, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' } }), statuses: [403], codes: ['csrf'] })
      if (UNSAFE(operation.method)) {
        const foreign = await bob!.token()
        for (const [name, token] of [['without the session\'s token', ''], ['with another session\'s token', foreign], ['with a token of random', randomBytes(32).toString('base64url')]] as const)
          list.push({ name, send: (sent) => someone!.send({ ...sent, headers: { ...sent.headers, 'x-csrf-token': token } }), statuses: [403], codes: ['csrf'] })
      }
      if (audience !== 'public') list.push({ name: 'without signing in', send: guest.send, statuses: [401], codes: ['sign-in-required'] })
      if (audience === 'seller') list.push({ name: 'as a customer', send: alice!.send, statuses: [403], codes: ['role-not-allowed'] })
      if (isOwned(operation)) list.push({ name: 'as another customer', send: bob!.send, statuses: [404], codes: ['not-found'] })
      if (audience === 'seller' && isEdit(operation)) list.push({ name: 'as another seller', send: (sent) => kopi!.send({ ...sent, path: path(operation, own['id']), headers: { ...sent.headers, 'if-match': '"1"' } }), statuses: [403, 404] })
      return list
    },
    async close() {
      const { version, ...before } = profile
      const now = await alice!.visitor.get('/api/profile')
      // Of who had none yet, a name and a place are left: what an account was made with.
      if (version === 0) Object.assign(before, { name: 'Alice Moreau' })
      if (now.json.version !== version) await alice!.visitor.send('PUT', '/api/profile', before, { 'if-match': now.headers.get('etag')! })
      await takeAway(made)
      await Promise.all([channel.close(), anonymous.close(), ...[alice, bob, hanok, kopi].map((one) => one!.visitor.close())])
    },
  }
}

export function mobileDoor(document: Json): Place {
  const channel = openChannel(new URL(endpoints.mobile.url).origin, { ca })
  return readingDoor('mobile', document, channel, [{ name: 'with a token of any kind', send: (sent) => channel.send({ ...sent, headers: { ...sent.headers, authorization: 'DPoP x.y.z' } }), statuses: [401], codes: ['token-not-accepted'] }])
}

export function partnerDoor(document: Json): Place {
  const [acme, globex] = endpoints.partner.clients
  const origin = new URL(endpoints.partner.url).origin
  const channel = openChannel(origin, { ca, cert: readFileSync(acme!.certificate, 'utf8'), key: readFileSync(acme!.privateKey, 'utf8') })
  const bare = openChannel(origin, { ca })
  const with_ = (to: Channel, key?: string, more: Record<string, string> = {}) => (sent: Sent) => to.send({ ...sent, headers: { ...sent.headers, ...(key && { 'api-key': key }), ...more } })
  const place = readingDoor('partner', document, { send: with_(channel, acme!.apiKey), close: async () => void (await Promise.all([channel.close(), bare.close()])) }, [
    { name: 'without a certificate', send: with_(bare, acme!.apiKey), statuses: [401], codes: ['client-certificate-required'] },
    { name: 'without a key', send: with_(channel), statuses: [401], codes: ['api-key-invalid'] },
    { name: 'with an unknown key', send: with_(channel, randomBytes(32).toString('base64url')), statuses: [401], codes: ['api-key-invalid'] },
    { name: 'with another partner\'s key', send: with_(channel, globex!.apiKey), statuses: [403], codes: ['key-not-for-client'] },
    { name: 'with a token of any kind', send: with_(channel, acme!.apiKey, { authorization: 'Bearer x.y.z' }), statuses: [401], codes: ['token-not-accepted'] },
  ])
  return place
}

function readingDoor(name: string, document: Json, channel: Channel, strangers: Stranger[]): Place {
  let product: Promise<Json> | undefined
  let productId = randomUUID() as string
  return {
    name, document, operations: operationsOf(document), refusals: USUAL,
    known: { parameters: { productid: () => productId, code: () => 'csrf' }, bodies: {} },
    async send(_operation, sent) {
      product ??= channel.send({ method: 'GET', path: '/api/products?pageSize=1', headers: {} }).then(({ json }) => { productId = json.items[0].id; return json })
      await product
      return channel.send(sent)
    },
    strangers: async () => strangers,
    close: channel.close,
  }
}

/** What the web door offers and another one does not. */
export const offeredAt = (document: Json, door: string): Operation[] => operationsOf(document).filter(({ spec }) => (spec['x-doors'] as string[]).includes(door))
