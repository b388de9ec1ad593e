/** Inside: the services behind their micro-gateways, and the processes of the control plane, each asked by who may ask. */
import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { hold, Insider, type Held } from '../attacks/insider.ts'
import { purchase } from '../attacks/purchase.ts'
import { address, endpoints, Visitor } from '../shop.ts'
import { openChannel, type Channel } from './channel.ts'
import { takeAway } from './products.ts'
import type { Sent } from './cases.ts'
import { operationsOf, type Json, type Operation } from './documents.ts'
import type { Answer } from './judge.ts'
import { USUAL, type Place, type Stranger } from './place.ts'

const WORKLOADS = ['edge', 'order', 'catalog', 'shipping', 'billing']
/** Operations that edge or order may call elsewhere, for a user, a guest or themselves. */
const ELSEWHERE = [['catalog', 'listProducts'], ['order', 'getCart'], ['shipping', 'cancelShipment'], ['catalog', 'quoteProducts'], ['billing', 'receiveProviderEvent'], ['order', 'getProfile']] as const
/** A narrow token lives a minute. */
const REUSE_MS = 20_000

type Subject = { kind: 'user' | 'guest' | 'service'; name: string; form: Record<string, string> }
/** Who may call an operation, and for whom; `token` is fresh where it is good only once. */
type Way = { caller: string; subject: Subject; token(): Promise<string> }

export type Mesh = Awaited<ReturnType<typeof openMesh>>

/** Everything that workloads of the shop hold, and what customers gave the edge. Enrols each once, the edge and order twice. */
export async function openMesh() {
  const names = [...WORKLOADS, 'edge', 'order']
  const held = await Promise.all(names.map(hold))
  const insiders = new Map(names.map((name, at) => [names.indexOf(name) === at ? name : `${name} again`, new Insider(name, held[at]!)]))
  const edge = insiders.get('edge')!
  const users = new Map(await Promise.all(['alice', 'bob', 'hanok'].map(async (name) => [name, await edge.userToken(name)] as const)))
  const alice = await new Visitor().signIn('alice')
  const orderId = (await purchase(alice)).json.id as string
  const productId = (await alice.get('/api/products?pageSize=1')).json.items[0].id as string
  await alice.close()
  const tokens = new Map<string, { token: string; until: number }>()

  const subjects: Subject[] = [
    ...[...users].map(([name, token]): Subject => ({ kind: 'user', name, form: { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' } })),
    { kind: 'guest', name: 'guest', form: { grant_type: 'client_credentials', guest: randomUUID() } },
    { kind: 'service', name: 'itself', form: { grant_type: 'client_credentials' } },
  ]

  async function ask(caller: string, subject: Subject, service: string, operation: Operation): Promise<string | undefined> {
    const key = `${caller} ${subject.name} ${service}.${operation.id}`
    const kept = tokens.get(key)
    if (kept && kept.until > Date.now()) return kept.token
    const answer = await insiders.get(caller)!.form('/token', new URLSearchParams({ ...subject.form, audience: service, scope: operation.id }).toString())
    if (answer.status !== 200) {
      if (answer.status >= 500 || typeof answer.json?.error !== 'string') throw new Error(`exchange: ${answer.status} ${answer.text.slice(0, 300)}`)
      return undefined
    }
    const token = answer.json.access_token as string
    if (operation.spec['x-single-use'] !== true) tokens.set(key, { token, until: Date.now() + REUSE_MS })
    return token
  }

  /** By asking exchange, so that no list is kept here. A subject that policy refuses leaves the next one. */
  async function waysTo(service: string, operation: Operation): Promise<Way[]> {
    const kinds = (operation.spec['x-subjects'] ?? ['user']) as string[]
    const ways: Way[] = []
    for (const caller of WORKLOADS)
      for (const subject of subjects)
        if (kinds.includes(subject.kind) && await ask(caller, subject, service, operation)) ways.push({ caller, subject, token: async () => (await ask(caller, subject, service, operation))! })
    return ways
  }

  const channels: Channel[] = []
  const channelAs = (who: string, origin: string): Channel => {
    const { key, certificate, roots } = insiders.get(who)!.held
    const channel = openChannel(origin, { key, cert: certificate, ca: roots, checkServerIdentity: () => undefined })
    channels.push(channel)
    return channel
  }
  return {
    insiders, users, orderId, productId, subjects, ask, waysTo, channelAs,
    roots: (held[0] as Held).roots,
    close: async () => void (await Promise.all([...channels, ...insiders.values()].map((one) => one.close()))),
  }
}

const bearing = (channel: Channel, token?: string) => (sent: Sent) => channel.send({ ...sent, headers: { ...(token && { authorization: `Bearer ${token}` }), ...sent.headers } })

const payment = {
  customerId: randomUUID(), name: 'Alice Kim', address, amountMinor: 300, currency: 'EUR', method: 'card', token: 'tok_of_nothing', lines: [{ productId: randomUUID(), name: 'A lamp', quantity: 2, unitPriceMinor: 150 }],
}

/** An amount is what its lines add up to; a product stands in one line. */
function alsoFits({ id }: Operation, body: unknown): boolean {
  const { lines, amountMinor } = body as { lines?: { productId: string; quantity: number; unitPriceMinor: number }[]; amountMinor?: number }
  if (id === 'authorizePayment') return lines!.reduce((sum, { quantity, unitPriceMinor }) => sum + quantity * unitPriceMinor, 0) === amountMinor
  return id !== 'reserveStock' || new Set(lines!.map(({ productId }) => productId)).size === lines!.length
}

export function servicePlace(service: string, document: Json, mesh: Mesh): Place {
  const operations = operationsOf(document)
  const origin = Insider.addressOf(`${service}-1-gateway`)
  const channels = new Map<string, Channel>()
  const as = (who: string) => { let one = channels.get(who); if (!one) channels.set(who, (one = mesh.channelAs(who, origin))); return one }
  const ways = new Map<string, Promise<Way[]>>()
  const waysTo = (operation: Operation) => { let one = ways.get(operation.id); if (!one) ways.set(operation.id, (one = mesh.waysTo(service, operation))); return one }
  const isOfUser = (operation: Operation) => (operation.spec['x-subjects'] ?? ['user']).includes('user')
  const made: string[] = []
  /** Nobody's. */
  const closedOrder = randomUUID()
  const closed = new Map<string, Promise<unknown>>()
  /** Cancelled before it is asked for, whatever its id: what would be made for no order leaves nothing behind. */
  async function close(operation: Operation, path: string): Promise<void> {
    const cancel = operations.find(({ method, path }) => method === 'DELETE' && path === operation.path)
    if (operation.method !== 'PUT' || !cancel || !operation.path.includes('{orderId}')) return
    if (!closed.has(path)) closed.set(path, (async () => { const [way] = await waysTo(cancel); return bearing(as(way!.caller), await way!.token())({ method: 'DELETE', path, headers: {} }) })())
    await closed.get(path)
  }
  const pathOf = (operation: Operation, sent: Sent) => (isOfUser(operation) ? sent : { ...sent, path: sent.path.replace(mesh.orderId, closedOrder) })

  return {
    name: service, document, operations,
    // Policy names the pairs and types that may be; whatever it does not name it forbids.
    refusals: { ...USUAL, missing: [400, 403], media: [403], method: [403], stray: [400, 403] },
    known: { parameters: { orderid: () => mesh.orderId, productid: () => mesh.productId, 'idempotency-key': () => randomUUID() }, bodies: { authorizePayment: () => payment }, alsoFits },
    async send(operation, asked, isMeant) {
      const [way] = await waysTo(operation)
      if (!way) throw new Error(`${service}.${operation.id}: exchange gives nobody a token for it`)
      const sent = pathOf(operation, asked)
      if (isMeant) await close(operation, sent.path)
      const answer = await bearing(as(way.caller), await way.token())(sent)
      if (operation.id === 'createProduct' && answer.status === 201) made.push(answer.json.id)
      return answer
    },
    async strangers(operation) {
      const [way] = await waysTo(operation)
      if (!way) throw new Error(`${service}.${operation.id}: exchange gives nobody a token for it`)
      const callers = new Set((await waysTo(operation)).map(({ caller }) => caller))
      const list: Stranger[] = [
        { name: 'without a token', send: bearing(as(way.caller)), statuses: [401], codes: ['token-required'] },
        { name: 'with a token that is none', send: bearing(as(way.caller), 'x.y.z'), statuses: [401], codes: ['token-invalid'] },
        { name: 'with a user\'s own token', send: bearing(as(way.caller), mesh.users.get('alice')!), statuses: [401], codes: ['token-invalid'] },
        { name: 'with another certificate of the same workload', send: bearing(as(`${way.caller} again`), await way.token()), statuses: [401], codes: ['token-not-bound'] },
      ]
      for (const other of operations.filter(({ id }) => id !== operation.id)) {
        const token = await mesh.ask(way.caller, way.subject, service, other)
        if (token) { list.push({ name: `with the token for ${other.id}`, send: bearing(as(way.caller), token), statuses: [403], codes: ['scope-insufficient'] }); break }
      }
      for (const [audience, scope] of ELSEWHERE) {
        const token = audience === service ? undefined : await mesh.ask(way.caller, way.subject, audience, { id: scope, spec: {} } as Operation)
        if (token) { list.push({ name: `with a token for ${audience}`, send: bearing(as(way.caller), token), statuses: [401], codes: ['audience-mismatch'] }); break }
      }
      for (const workload of WORKLOADS.filter((one) => !callers.has(one)))
        list.push({ name: `as ${workload}`, send: bearing(as(workload), await way.token()), statuses: [403], codes: ['mesh-denied'] })
      if (operation.spec['x-single-use'] === true) {
        const once = bearing(as(way.caller), await way.token())
        list.push({ name: 'with a token used before', send: async (sent) => { await once(pathOf(operation, sent)); return once(pathOf(operation, sent)) }, statuses: [401], codes: ['token-used'] })
      }
      if (isOfUser(operation) && operation.parameters.some(({ name }) => name === 'orderId')) {
        const bob = mesh.subjects.find(({ name }) => name === 'bob')!
        list.push({ name: 'as another customer', send: bearing(as(way.caller), (await mesh.ask(way.caller, bob, service, operation))!), statuses: [404], codes: ['not-found'] })
      }
      return list
    },
    close: () => takeAway(made),
  }
}

type Control = { name: string; document: Json; as: string; origin: string; known?: Place['known']; headers?(operation: Operation): Promise<Record<string, string>>; strangers?(operation: Operation, channel: Channel): Promise<Stranger[]> }

function controlPlace(mesh: Mesh, { name, document, as, origin, known = { parameters: {}, bodies: {} }, headers, strangers }: Control): Place {
  const channel = mesh.channelAs(as, origin)
  return {
    name, document, operations: operationsOf(document), refusals: USUAL, known,
    send: async (operation, sent) => channel.send({ ...sent, headers: { ...(await headers?.(operation)), ...sent.headers } }),
    strangers: async (operation) => (await strangers?.(operation, channel)) ?? [],
    close: async () => {},
  }
}

const subjectOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8')).sub as string

export async function accessPlace(document: Json, mesh: Mesh, catalog: Operation[]): Promise<Place> {
  const operation = catalog.find(({ id }) => id === 'updateProduct')!
  const token = async (name: string) => (await mesh.ask('edge', mesh.subjects.find((one) => one.name === name)!, 'catalog', operation))!
  const sub = subjectOf(mesh.users.get('hanok')!)
  const question = { subject: { type: 'User', id: sub }, action: { name: 'catalog.updateProduct' }, resource: { type: 'Product', id: mesh.productId, properties: { owner: 'x', seller: 'hanok' } }, context: { caller: 'edge' } }
  const isAsked = ({ path }: Operation) => path.includes('/v1/')
  const asEdge = mesh.channelAs('edge', Insider.addressOf('access'))
  return controlPlace(mesh, {
    name: 'access', document, as: 'catalog', origin: Insider.addressOf('access'),
    known: {
      parameters: {}, bodies: { evaluate: () => question, evaluateMany: () => ({ ...question, evaluations: [{}], options: { evaluations_semantic: 'execute_all' } }) },
      // No question of the list may lack a part; whether that or another fault is told first is access's own affair.
      alsoFits: ({ id }, body) => id !== 'evaluateMany' || (body as { evaluations: Json[] }).evaluations.every((one) => ['subject', 'action', 'resource'].every((part) => one[part] ?? (body as Json)[part])) || undefined,
    },
    headers: async (operation): Promise<Record<string, string>> => (isAsked(operation) ? { authorization: `Bearer ${await token('hanok')}` } : {}),
    strangers: async (operation, channel) => (isAsked(operation) ? [
      { name: 'without a token', send: bearing(channel), statuses: [401], codes: ['token-invalid'] },
      { name: 'with a token that is none', send: bearing(channel, 'x.y.z'), statuses: [401], codes: ['token-invalid'] },
      { name: 'with a user\'s own token', send: bearing(channel, mesh.users.get('hanok')!), statuses: [401], codes: ['token-invalid'] },
      { name: 'as a workload without operations', send: bearing(asEdge, await token('hanok')), statuses: [403], codes: ['question-not-yours'] },
      { name: 'about somebody else', send: bearing(channel, await token('hanok')), parts: { body: { json: operation.id === 'evaluate' ? { ...question, subject: { type: 'User', id: randomUUID() } } : { ...question, evaluations: [{ subject: { type: 'User', id: randomUUID() } }] } } }, statuses: [403], codes: ['question-not-yours'] },
    ] : []),
  })
}

const guestForm = () => new URLSearchParams({ grant_type: 'client_credentials', guest: randomUUID(), audience: 'catalog', scope: 'listProducts' }).toString()

export const exchangePlace = (document: Json, mesh: Mesh): Place => controlPlace(mesh, {
  name: 'exchange', document, as: 'edge', origin: Insider.addressOf('exchange'),
  known: { parameters: {}, bodies: { token: guestForm, tokens: () => ({ requests: [{ form: guestForm() }] }), redeem: () => 'token=x.y.z' } },
})

export const ingestPlace = (document: Json, mesh: Mesh): Place => controlPlace(mesh, { name: 'monitor ingest', document, as: 'order', origin: Insider.addressOf('monitor') })

export function enrolmentPlace(document: Json, mesh: Mesh): Place {
  const bare = openChannel(Insider.addressOf('pki'), { ca: mesh.roots, checkServerIdentity: () => undefined })
  const place = controlPlace(mesh, {
    name: 'pki', document, as: 'order', origin: Insider.addressOf('pki'),
    strangers: async ({ id }) => (id === 'renew' ? [{ name: 'without a certificate', send: bare.send, statuses: [401, 403], codes: ['peer-unknown'] }] : []),
  })
  return { ...place, close: bare.close }
}

/** Only the supervisor's user may open its socket; whoever runs these tests is that user. */
export function administrationPlace(document: Json): Place {
  const folder = dirname(dirname(endpoints.processes.find(({ socket, kind }) => socket && kind === 'service')!.socket!))
  const channel = openChannel('http://pki', { socketPath: join(folder, 'pki-runner/s') })
  return {
    name: 'pki administration', document, operations: operationsOf(document), refusals: USUAL, known: { parameters: {}, bodies: { issue: (): Json => ({ kind: 'partner', name: 'walk', days: 1 }) }, alsoFits: ({ id }, body) => (id === 'issue' && ['kind', 'dnsNames', 'ipAddresses'].some((name) => (body as Json)[name] !== ({ kind: 'partner' } as Json)[name]) ? undefined : true) },
    send: async (_operation, sent): Promise<Answer> => channel.send(sent), strangers: async () => [], close: channel.close,
  }
}
