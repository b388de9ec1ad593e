/** For tests: a running identity provider on a real database, a browser, and the edge's side of OAuth. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { WorkloadIdentity } from '@shop/chassis/identity.ts'
import type { SecurityEvent } from '@shop/chassis/security-event.ts'
import { createStoreOn } from '@shop/chassis/store.ts'
import { createTestMesh } from '@shop/chassis/test-mesh.ts'
import type { VaultClient } from '@shop/chassis/vault-client.ts'
import { testDatabase } from '@shop/deploy/backing/test-database.ts'
import * as oauth from 'oauth4webapi'
import { pino } from 'pino'
import { Agent, fetch } from 'undici'
import { configSchema } from './config.ts'
import { createIdentity } from './identity.ts'

export const REDIRECT = 'https://localhost:24099/callback'
export const PASSWORD = 'correct horse battery'

/** Keys in memory; the real one is proven in infra/vault. */
export function memoryVault(): VaultClient {
  const keys = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>()
  const publicKey = (label: string) => keys.get(label)!.publicKey.export({ format: 'jwk' }) as { kty: 'EC'; crv: 'P-256'; x: string; y: string }
  return {
    async ensureKey(label) {
      const isNew = !keys.has(label)
      if (isNew) keys.set(label, generateKeyPairSync('ec', { namedCurve: 'P-256' }))
      return { label, publicKey: publicKey(label), isNew }
    },
    listKeys: async () => [...keys.keys()].map((label) => ({ label, publicKey: publicKey(label) })),
    deleteKey: async (label) => void keys.delete(label),
    sign: async (label, data) => sign('sha256', data, { key: keys.get(label)!.privateKey, dsaEncoding: 'ieee-p1363' }),
    seal: async (text) => text, unseal: async (text) => text, close: async () => {},
  }
}

export type TestIdentity = Awaited<ReturnType<typeof startIdentity>>

export async function startIdentity(port: number, signingKey = { lifetimeSeconds: 3600, overlapSeconds: 300 }) {
  const database = await testDatabase([join(import.meta.dirname, 'migrations')])
  const log = pino({ level: process.env['IDENTITY_LOG'] ?? 'silent' })
  const store = createStoreOn(database.config, log)
  const mesh = await createTestMesh('lantern.test')
  const users = await createTestMesh('lantern.test')
  const door = await (await createTestMesh()).identity('door')
  const edge = await mesh.identity('edge')
  const issuer = `https://localhost:${port}`
  const events: SecurityEvent['data'][] = []
  const config = configSchema.parse({
    port, issuer, certificate: door.mesh().certificate, vaultSocket: '-', database: { host: '-', port: 1, database: 'identity', user: 'identity' },
    edge: { redirectUris: [REDIRECT], postLogoutRedirectUris: ['https://localhost:24099/'], spiffeId: edge.mesh().spiffeId }, userRoots: users.roots, signingKey,
  })
  const vault = memoryVault()
  const identity = await createIdentity({ config, names: { brand: 'Lantern Market', trustDomain: 'lantern.test', cookiePrefix: 'lantern', checkout: 'abc' }, meshRoots: mesh.roots, doorKey: door.mesh().key, cookieKey: 'k'.repeat(43), store, vault, report: (event) => events.push(event), log })
  await identity.accounts.ensure({ username: 'alice', role: 'customer', name: 'Alice Adler', email: 'alice@example.org' }, PASSWORD)
  await identity.accounts.ensure({ username: 'sam', role: 'seller', seller: 'seller-1', name: 'Sam Sailer', email: 'sam@example.org' }, PASSWORD)
  await new Promise<void>((resolve) => identity.server.listen(port, '127.0.0.1', resolve))
  return {
    issuer, events, store, mesh, users, edge, vault, port: (identity.server.address() as AddressInfo).port,
    async close() {
      await identity.close()
      await store.close()
      await database.drop()
    },
  }
}

const agentOf = (identity: WorkloadIdentity | null) =>
  new Agent({ connect: { rejectUnauthorized: false, ...(identity && { key: identity.mesh().key, cert: identity.mesh().certificate }) } })

/** Follows nothing by itself; keeps cookies as a browser does, by name and path. */
export function createBrowser(origin: string, certificate: WorkloadIdentity | null = null) {
  const dispatcher = agentOf(certificate)
  const jar = new Map<string, { value: string; path: string }>()
  async function go(path: string, form?: Record<string, string>, headers: Record<string, string> = {}) {
    const url = new URL(path, origin)
    const cookie = [...jar].filter(([, c]) => url.pathname === c.path || url.pathname.startsWith(c.path === '/' ? '/' : `${c.path}/`)).map(([name, c]) => `${name}=${c.value}`).join('; ')
    const res = await fetch(url, { dispatcher, redirect: 'manual', method: form ? 'POST' : 'GET', headers: { accept: 'text/html', ...(cookie && { cookie }), ...(form && { 'content-type': 'application/x-www-form-urlencoded' }), ...headers }, body: form ? new URLSearchParams(form).toString() : null })
    for (const set of res.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!
      const path = /;\s*path=([^;]+)/i.exec(set)?.[1] ?? '/'
      if (value === '' || /expires=Thu, 01 Jan 1970/.test(set)) jar.delete(name!)
      else jar.set(name!, { value: value!, path })
    }
    const text = await res.text()
    return { status: res.status, text, headers: res.headers, location: res.headers.get('location') ?? '', csrf: /name="_csrf" value="([^"]+)"/.exec(text)?.[1] ?? '' }
  }
  return { go, jar, close: () => dispatcher.close() }
}
export type Browser = ReturnType<typeof createBrowser>

/** The edge: a confidential client by mutual TLS. `caller` may be somebody else, to see him refused. */
export async function createEdgeClient(issuer: string, caller: WorkloadIdentity | null) {
  const dispatcher = agentOf(caller)
  const options = { [oauth.customFetch]: ((url: string, init: object) => fetch(url, { ...init, dispatcher } as never)) as unknown as typeof globalThis.fetch }
  const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), { ...options }))
  const client: oauth.Client = { client_id: 'edge' }
  const auth = oauth.TlsClientAuth()
  return {
    as, client, auth, options, dispatcher,
    push: (params: Record<string, string>) => oauth.pushedAuthorizationRequest(as, client, auth, new URLSearchParams(params), options),
    async begin(extra: Record<string, string> = {}) {
      const verifier = oauth.generateRandomCodeVerifier()
      const state = oauth.generateRandomState()
      const nonce = oauth.generateRandomNonce()
      const params = { response_type: 'code', client_id: 'edge', redirect_uri: REDIRECT, scope: 'openid profile email shop', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state, nonce, ...extra }
      const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, await this.push(params))
      return { verifier, state, nonce, path: `/auth?client_id=edge&request_uri=${encodeURIComponent(request_uri)}` }
    },
    redeem: (callback: URLSearchParams, verifier: string, redirect = REDIRECT) => oauth.authorizationCodeGrantRequest(as, client, auth, callback, redirect, verifier, options),
    refresh: (token: string) => oauth.refreshTokenGrantRequest(as, client, auth, token, options),
  }
}
export type EdgeClient = Awaited<ReturnType<typeof createEdgeClient>>

/** From the shop's redirect to its callback; returns the callback's URL. */
export async function signIn(browser: Browser, path: string, username = 'alice', password = PASSWORD): Promise<URL> {
  const start = await browser.go(path)
  const page = await browser.go(start.location)
  const done = await browser.go(`${start.location}/login`, { _csrf: page.csrf, username, password })
  if (done.status !== 303) throw new Error(`sign-in answered ${done.status}: ${/role="alert"[^>]*>([^<]*)/.exec(done.text)?.[1] ?? done.text.slice(0, 200)}`)
  return new URL((await browser.go(done.location)).location)
}
