/** For tests: an edge behind real TLS with real sessions. The services behind it are functions of the test. */
import { hash, randomBytes } from 'node:crypto'
import { connect } from 'node:tls'
import type { SecurityEvent } from '@shop/chassis/security-event.ts'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { createTestMesh } from '@shop/chassis/test-mesh.ts'
import { testDatabase } from '@shop/deploy/backing/test-database.ts'
import { pino } from 'pino'
import { Agent, request } from 'undici'
import type { Answer, UpstreamRequest } from '../upstream/call.ts'
import { buildEdge, type BuildParts } from './build.ts'
import type { DoorName } from './call.ts'
import type { IdentityClient } from './identity-client.ts'
import { listenAt } from './listen.ts'
import type { Storefront } from './page.ts'
import { createStorefront } from './storefront/pages.ts'

export const ORIGINS = { web: 'https://localhost:24099', mobile: 'https://localhost:24098', partner: 'https://localhost:24097' }
export const COOKIE = '__Host-lantern-t1-session'
export const API_KEY = 'partner-key-of-the-test-0123456789'

/** What services answer, by 'callee.operation'. */
export type Services = Record<string, (request: UpstreamRequest) => Promise<Answer> | Answer>
export const answer = (status: number, body?: unknown, headers: Record<string, string> = {}): Answer =>
  ({ status, headers: { ...(body !== undefined && { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' }), ...headers }, body: body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body)) })

export type Sent = { status: number; headers: Record<string, string | string[] | undefined>; text: string; json: any }
export type TestEdge = Awaited<ReturnType<typeof startEdge>>

export async function startEdge({ services = {}, identity, issuer = 'https://localhost:24001', storefront = createStorefront('Lantern Market'), ...more }: { services?: Services; identity?: IdentityClient; issuer?: string; storefront?: Storefront } & Partial<Pick<BuildParts, 'pipeline'>> & { limit?: { perSecond: number; burst: number } }) {
  const database = await testDatabase([new URL('migrations', import.meta.url).pathname])
  const log = pino({ level: process.env['EDGE_LOG'] ?? 'silent' })
  const store: Store = createStoreOn(database.config, log)
  const locks: Store = createStoreOn(database.config, log)
  const doorCa = await createTestMesh()
  const partners = await createTestMesh()
  const door = (await doorCa.identity('localhost')).mesh()
  const events: SecurityEvent['data'][] = []
  const calls: UpstreamRequest[] = []
  const stopping = new AbortController()
  const config = {
    doors: {
      web: { port: 1, origin: ORIGINS.web, certificate: door.certificate }, mobile: { port: 1, origin: ORIGINS.mobile, certificate: door.certificate },
      partner: { port: 1, origin: ORIGINS.partner, certificate: door.certificate, clientRoots: partners.roots, clients: { acme: { apiKeyHash: hash('sha256', API_KEY, 'base64url') }, other: { apiKeyHash: hash('sha256', `${API_KEY}2`, 'base64url') } } },
    },
    identityIssuer: issuer, pspOrigin: 'https://127.0.0.1:24002', anonymousLimit: more.limit ?? { perSecond: 10_000, burst: 10_000 }, webhookAllowed: true, traceRatio: 0.1,
    sessions: { idleMinutes: 60, absoluteMinutes: 720, guestIdleMinutes: 1_440 },
  }
  const unconfigured: IdentityClient = { configuration: () => Promise.reject(new Error('no identity provider in this test')), close: async () => {} }
  const { handle, sessions } = buildEdge({
    config, names: { brand: 'Lantern Market', trustDomain: 'lantern.test', cookiePrefix: 'lantern', checkout: 't1' }, sessionKey: randomBytes(32).toString('base64url'), spiffeId: 'spiffe://lantern.test/mesh/edge',
    store, locks, identity: identity ?? unconfigured, storefront, log, report: (event) => events.push(event), stopping: stopping.signal, pipeline: more.pipeline ?? ((controls) => controls),
    callUpstream: async (r) => { calls.push(r); return (services[`${r.callee}.${r.operation}`] ?? (() => answer(404, { code: 'not-found' })))(r) },
  })
  const doors = Object.fromEntries(await Promise.all((['web', 'mobile', 'partner'] as const).map(async (name) => {
    const options = { host: '127.0.0.1', port: 0, certificate: door.certificate, key: door.key, ...(name === 'partner' && { clientRoots: partners.roots }) }
    return [name, await listenAt(options, (req, res) => void handle({ name, origin: ORIGINS[name] }, req, res), (event) => events.push(event))] as const
  }))) as unknown as Record<DoorName, { port: number; drain(): Promise<void> }>
  const agents: Agent[] = []
  const agent = (tls: object = {}) => { const made = new Agent({ connect: { ca: doorCa.roots, servername: 'localhost', checkServerIdentity: () => undefined, ...tls } }); agents.push(made); return made }

  async function send(name: DoorName, method: string, path: string, { headers = {}, body, dispatcher = agents[0]! }: { headers?: Record<string, string>; body?: string; dispatcher?: Agent } = {}): Promise<Sent> {
    const res = await request(`https://127.0.0.1:${doors[name].port}${path}`, { method: method as 'GET', dispatcher, headers: { host: new URL(ORIGINS[name]).host, ...headers }, ...(body !== undefined && { body }) })
    const text = await res.body.text()
    return { status: res.statusCode, headers: res.headers, text, json: text !== '' && /json/.test(String(res.headers['content-type'])) ? JSON.parse(text) : undefined }
  }
  /** Bytes as they are; everything that comes back until the server closes. */
  const raw = (bytes: string) => new Promise<string>((resolve) => {
    const socket = connect({ port: doors.web.port, host: '127.0.0.1', ca: doorCa.roots, servername: 'localhost', checkServerIdentity: () => undefined }, () => socket.write(bytes, 'latin1'))
    let text = ''
    socket.on('data', (d) => { text += d.toString('latin1') }).on('close', () => resolve(text)).on('error', () => resolve(text))
  })
  agent()
  return {
    send, raw, agent, events, calls, sessions, store, partners, doors, log,
    port: doors.web.port, origin: ORIGINS.web, ca: doorCa.roots,
        /** A browser tab of the shop: keeps the cookie, sends what browsers send. */
    async tab() {
      let cookie = ''
      const go = async (method: string, path: string, { headers = {}, body }: { headers?: Record<string, string>; body?: string } = {}) => {
        const res = await send('web', method, path, { headers: { 'sec-fetch-site': 'same-origin', ...(method !== 'GET' && { origin: ORIGINS.web, 'x-csrf-token': csrfToken }), ...(cookie && { cookie }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers }, ...(body !== undefined && { body }) })
        for (const set of [res.headers['set-cookie'] ?? []].flat()) cookie = /Max-Age=0/.test(set) ? '' : set.split(';')[0]!
        return res
      }
      let csrfToken = ''
      csrfToken = (await go('GET', '/api/session')).json.csrfToken
      return { go, cookie: () => cookie, setCookie: (c: string) => { cookie = c }, refresh: async () => { const { json } = await go('GET', '/api/session'); csrfToken = json.csrfToken; return json } }
    },
    async close() {
      stopping.abort()
      await Promise.all(agents.map((a) => a.destroy()))
      await Promise.all(Object.values(doors).map((d) => d.drain()))
      await sessions.close()
      await Promise.all([store.close(), locks.close()])
      await database.drop()
    },
  }
}
