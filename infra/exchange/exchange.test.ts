/** Exchange and access over real mutual TLS, with an identity provider that is a discovery document and a key. */
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { accessHandlers } from '@shop/access/api.ts'
import { loadPolicies } from '@shop/access/decide.ts'
import { createControlApi } from '@shop/chassis/control-api.ts'
import type { WorkloadIdentity } from '@shop/chassis/identity.ts'
import { createJwks } from '@shop/chassis/jwks.ts'
import { isSignedBy, parseJws } from '@shop/chassis/jws.ts'
import { createLog } from '@shop/chassis/log.ts'
import { peerIdOf, serveMesh, type MeshServer } from '@shop/chassis/mesh-server.ts'
import type { NarrowClaims } from '@shop/chassis/narrow-claims.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import type { SecurityEvent } from '@shop/chassis/security-event.ts'
import { createTestMesh, type TestMesh } from '@shop/chassis/test-mesh.ts'
import { createMeshPool } from '@shop/chassis/tls.ts'
import type { PublicJwk, VaultClient } from '@shop/chassis/vault-client.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { exchangeHandlers } from './api.ts'
import { createAskAccess } from './ask-access.ts'
import type { Structure } from './decide.ts'
import { createIdentityKeys } from './identity-keys.ts'
import { openSigningKeys, type SigningKeys } from './signing-keys.ts'
import { ACCESS_TOKEN, EXCHANGE_GRANT } from './token-request.ts'

const EXCHANGE = 25_000, ACCESS = 25_001, IDENTITY = 25_002
const issuer = `http://localhost:${IDENTITY}`
const log = createLog('test')
log.level = 'silent'
const services: Structure['services'] = {
  order: { callers: { edge: ['getCart', 'placeOrder', 'cancelOrder'] }, operations: [{ id: 'getCart', subjects: ['user', 'guest'], isSingleUse: false }, { id: 'placeOrder', subjects: ['user'], isSingleUse: false }, { id: 'cancelOrder', subjects: ['user'], isSingleUse: false }] },
  catalog: { callers: { order: ['quoteProducts', 'reserveStock'] }, operations: [{ id: 'quoteProducts', subjects: ['user', 'guest', 'service'], isSingleUse: false }, { id: 'reserveStock', subjects: ['service'], isSingleUse: false }] },
}
const toyPolicies = { order: '@id("cart") permit (principal, action == Action::"order.getCart", resource is Service);\n@id("buy") permit (principal is User, action in [Action::"order.placeOrder", Action::"order.cancelOrder"], resource is Service) when { principal.role == Role::"customer" };\n@id("own") permit (principal is User, action == Action::"order.cancelOrder", resource is Order) when { resource has owner && resource.owner == principal };', catalog: '@id("quote") permit (principal, action == Action::"catalog.quoteProducts", resource is Service);\n@id("stock") permit (principal == Workload::"order", action == Action::"catalog.reserveStock", resource is Service);' }

let mesh: TestMesh
let people: Record<string, WorkloadIdentity>
let servers: MeshServer[] = []
let keys: SigningKeys
const clockMs = Date.now()
let events: SecurityEvent['data'][] = []
const report = (detail: SecurityEvent['data']) => void events.push(detail)
const used = new Set<string>()
/** Subjects that the signer breaks over. */
const unsignable = new Set<string>()
const userKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const provider = http.createServer((req, res) => res.end(JSON.stringify(req.url === '/jwks' ? { keys: [{ ...userKeys.publicKey.export({ format: 'jwk' }), kid: 'u1', use: 'sig', alg: 'ES256' }] } : { issuer, jwks_uri: `${issuer}/jwks` })))
const identityKeys = createIdentityKeys(issuer, '')
const closing: (() => Promise<void>)[] = []

/** Keys in memory behind the vault's interface; the vault itself is tested where it lives. */
function memoryVault(): VaultClient {
  const held = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>()
  const jwk = (label: string) => held.get(label)!.publicKey.export({ format: 'jwk' }) as PublicJwk
  const no = async () => { throw new Error('not used') }
  return {
    async ensureKey(label) { if (!held.has(label)) held.set(label, generateKeyPairSync('ec', { namedCurve: 'P-256' })); return { label, publicKey: jwk(label), isNew: true } },
    listKeys: async () => [...held.keys()].map((label) => ({ label, publicKey: jwk(label) })),
    deleteKey: async (label) => void held.delete(label),
    sign: async (label, data) => sign('sha256', Buffer.from(data as string), { key: held.get(label)!.privateKey, dsaEncoding: 'ieee-p1363' }),
    seal: no, unseal: no, close: async () => {},
  }
}

async function serve(name: string, port: number, handlers: Parameters<typeof createControlApi>[0]['handlers']): Promise<MeshServer> {
  const listener = createControlApi({ api: loadApi(readOpenApi(new URL(`../${name}/openapi.yaml`, import.meta.url))), handlers, log, report, control: { name, strategies: ['S12.5'] }, subjectOf: peerIdOf(mesh.trustDomain) })
  const server = await serveMesh(listener, { port, identity: people[name]!, report })
  servers.push(server)
  return server
}
const serveAccess = () => serve('access', ACCESS, accessHandlers({
  policies: loadPolicies(Object.entries(toyPolicies).map(([service, cedar]) => ({ service, cedar, operations: services[service]!.operations }))),
  trustDomain: mesh.trustDomain, origin: `https://127.0.0.1:${ACCESS}`, log, now: () => clockMs,
  exchangeKeys: createJwks(async () => keys.published(), { minIntervalMs: 0 }),
}))
let access: MeshServer

beforeAll(async () => {
  mesh = await createTestMesh()
  const names = ['exchange', 'access', 'edge', 'order', 'catalog', 'shipping']
  people = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await mesh.identity(name)] as const)))
  people['data'] = await mesh.identity('order', { uri: 'spiffe://shop.test/data/order' })
  await new Promise<void>((resolve) => provider.listen(IDENTITY, resolve))
  keys = await openSigningKeys(memoryVault(), { keyLifetimeMs: 86_400_000, tokenLifetimeMs: 60_000 }, log, () => clockMs)
  access = await serveAccess()
  const pool = createMeshPool(people['exchange']!, `https://127.0.0.1:${ACCESS}`, 'access')
  closing.push(() => pool.close(), () => identityKeys.close())
  await serve('exchange', EXCHANGE, exchangeHandlers({
    structure: { services, lifetimeSeconds: 60, trustDomain: mesh.trustDomain },
    issuers: { identityIssuer: issuer, identityKeys, ownKeys: keys.verifying, trustDomain: mesh.trustDomain },
    keys: { ...keys, sign: async (claims) => { if (unsignable.has(claims.sub)) throw new Error('no signature'); return keys.sign(claims) } },
    askAccess: createAskAccess(pool, mesh.trustDomain, 500), redeem: async (jti) => !used.has(jti) && Boolean(used.add(jti)), log, report, now: () => clockMs,
  }))
})
afterAll(async () => {
  keys?.stop()
  for (const close of closing) await close()
  for (const server of servers) await server.close()
  await new Promise((resolve) => provider.close(resolve))
})
beforeEach(() => { events = [] })

const clients = new Map<string, ReturnType<typeof createMeshPool>>()
async function post(caller: string, path: string, body: string, { port = EXCHANGE, server = 'exchange', type = 'application/x-www-form-urlencoded', headers = {} }: { port?: number; server?: string; type?: string; headers?: Record<string, string> } = {}): Promise<{ status: number; body: any }> {
  const key = `${caller} ${port}`
  if (!clients.has(key)) {
    const pool = createMeshPool(people[caller]!, `https://127.0.0.1:${port}`, server)
    clients.set(key, pool)
    closing.unshift(() => pool.close())
  }
  const answer = await clients.get(key)!.dispatcher().request({ path, method: 'POST', headers: { 'content-type': type, ...headers }, body })
  return { status: answer.statusCode, body: await answer.body.json() }
}
const form = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString()
const exchange = (caller: string, subject_token: string, audience: string, scope: string) => post(caller, '/token', form({ grant_type: EXCHANGE_GRANT, subject_token, subject_token_type: ACCESS_TOKEN, audience, scope }))
const asItself = (caller: string, audience: string, scope: string, guest?: string) => post(caller, '/token', form({ grant_type: 'client_credentials', audience, scope, ...(guest && { guest }) }))
const claimsOf = (token: string) => parseJws(token)!.claims as unknown as NarrowClaims
const now = () => Math.floor(clockMs / 1000)
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const userClaims = (more: object = {}) => ({ iss: issuer, aud: 'spiffe://shop.test/mesh/edge', sub: 'alice', role: 'customer', iat: now(), exp: now() + 300, jti: 'j', ...more })
function token(claims: object, header: object = {}, key = userKeys.privateKey): string {
  const input = `${part({ alg: 'ES256', typ: 'at+jwt', kid: 'u1', ...header })}.${part(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

describe('S12.5 a token for the next hop', () => {
  test('edge to order to catalog: one audience, one operation, bound, nested actors, one transaction', async () => {
    const first = await exchange('edge', token(userClaims()), 'order', 'placeOrder')
    expect(first).toMatchObject({ status: 200, body: { token_type: 'Bearer', issued_token_type: ACCESS_TOKEN, expires_in: 60 } })
    const atOrder = claimsOf(first.body.access_token)
    expect(atOrder).toMatchObject({ iss: 'https://exchange.shop.test', aud: 'spiffe://shop.test/mesh/order', scope: 'placeOrder', sub: 'alice', role: 'customer', act: { sub: 'spiffe://shop.test/mesh/edge' }, cnf: { 'x5t#S256': people['edge']!.mesh().thumbprint } })
    const second = await exchange('order', first.body.access_token, 'catalog', 'quoteProducts')
    const atCatalog = claimsOf(second.body.access_token)
    expect(atCatalog).toMatchObject({ aud: 'spiffe://shop.test/mesh/catalog', sub: 'alice', txn: atOrder.txn, act: { sub: 'spiffe://shop.test/mesh/order', act: { sub: 'spiffe://shop.test/mesh/edge' } }, cnf: { 'x5t#S256': people['order']!.mesh().thumbprint } })
    expect(atCatalog.exp).toBeLessThanOrEqual(atOrder.exp)
    const jws = parseJws(second.body.access_token)!
    expect(isSignedBy(jws, await keys.verifying.key(jws.kid) as KeyObject)).toBe(true)
    expect(keys.published().keys.map((k) => k.kid)).toContain(jws.kid)
  })
  test('a service as itself, a guest by the edge', async () => {
    expect(claimsOf((await asItself('order', 'catalog', 'reserveStock')).body.access_token)).toMatchObject({ sub: 'spiffe://shop.test/mesh/order', role: 'service', act: { sub: 'spiffe://shop.test/mesh/order' } })
    expect(claimsOf((await asItself('edge', 'order', 'getCart', '6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b11')).body.access_token)).toMatchObject({ sub: 'guest:6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b11', role: 'guest' })
    expect(await asItself('order', 'catalog', 'quoteProducts', '6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b11')).toMatchObject({ status: 403, body: { code: 'guest-not-allowed' } })
  })
  test('no longer than the subject token lives', async () => {
    expect((await exchange('edge', token(userClaims({ exp: now() + 7 })), 'order', 'getCart')).body.expires_in).toBe(7)
  })

  const rogue = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const hmac = (claims: object) => { const input = `${part({ alg: 'HS256', typ: 'at+jwt', kid: 'u1' })}.${part(claims)}`; return `${input}.${createHmac('sha256', userKeys.publicKey.export({ type: 'spki', format: 'pem' })).update(input).digest('base64url')}` }
  test.each([
    ['expired', () => token(userClaims({ exp: now() }))],
    ['not yet valid', () => token(userClaims({ nbf: now() + 60 }))],
    ['from the future', () => token(userClaims({ iat: now() + 60 }))],
    ['for another audience', () => token(userClaims({ aud: 'spiffe://shop.test/mesh/order' }))],
    ['for two audiences', () => token(userClaims({ aud: ['spiffe://shop.test/mesh/edge', 'x'] }))],
    ['without audience', () => token(userClaims({ aud: undefined }))],
    ['of another issuer', () => token(userClaims({ iss: 'https://evil.test' }))],
    ['of the inner issuer by the outer key', () => token({ ...userClaims(), iss: 'https://exchange.shop.test', scope: 'getCart', txn: 't', act: { sub: 'spiffe://shop.test/mesh/edge' }, cnf: { 'x5t#S256': 'x' } })],
    ['signed by another key', () => token(userClaims(), {}, rogue.privateKey)],
    ['of an unknown key', () => token(userClaims(), { kid: '../../dev/null' })],
    ['bringing its key', () => token(userClaims(), { jwk: rogue.publicKey.export({ format: 'jwk' }) }, rogue.privateKey)],
    ['an ID token', () => token(userClaims(), { typ: 'JWT' })],
    ['without typ', () => token(userClaims(), { typ: undefined })],
    ['with a critical header', () => token(userClaims(), { crit: ['exp'] })],
    ['unsigned', () => `${part({ alg: 'none', typ: 'at+jwt', kid: 'u1' })}.${part(userClaims())}.`],
    ['symmetric with the public key', () => hmac(userClaims())],
    ['with an actor of its own', () => token(userClaims({ act: { sub: 'spiffe://shop.test/mesh/billing' } }))],
    ['with a role that is none', () => token(userClaims({ role: 'service' }))],
    ['naming a workload as user', () => token(userClaims({ sub: 'spiffe://shop.test/mesh/order' }))],
    ['rubbish', () => 'a.b.c'],
  ])('refuses a subject token %s', async (_what, make) => {
    expect(await exchange('edge', make(), 'order', 'getCart')).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect(events).toMatchObject([{ detection: 'EXCHANGE-DENY', subject: 'spiffe://shop.test/mesh/edge', operation: 'order.getCart', strategies: ['S12.5'] }])
    expect((await exchange('edge', token(userClaims()), 'order', 'getCart')).status).toBe(200)
  })
  test('refuses a narrow token in other hands, and upward', async () => {
    const { access_token } = (await exchange('edge', token(userClaims()), 'order', 'placeOrder')).body
    expect(await exchange('shipping', access_token, 'catalog', 'quoteProducts')).toMatchObject({ status: 400, body: { code: 'subject-audience' } })
    expect(await exchange('order', access_token, 'order', 'cancelOrder')).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
    expect(await exchange('order', access_token, 'catalog', 'reserveStock')).toMatchObject({ status: 403, body: { code: 'subject-not-allowed' } })
  })
  test('S2.1 policy says no: 403 with a code and an event', async () => {
    expect(await exchange('edge', token(userClaims({ role: 'seller', seller: 's1' })), 'order', 'placeOrder')).toMatchObject({ status: 403, body: { error: 'access_denied', code: 'policy-denied' } })
    expect(events).toMatchObject([{ code: 'policy-denied' }])
  })
  test('S2.1 many at once: each is judged for itself, and a name that policy cannot know spoils nobody\'s', async () => {
    const who = Array.from({ length: 120 }, (_, i) => (['customer', 'seller', 'odd'] as const)[i % 3]!)
    const answers = await Promise.all(who.map((kind, i) => exchange('edge', token(userClaims({ sub: kind === 'odd' ? 'two words' : `user-${i}`, role: kind === 'seller' ? 'seller' : 'customer' })), 'order', 'placeOrder')))
    expect(answers.map(({ status, body }) => (status === 200 ? claimsOf(body.access_token).sub : body.code))).toEqual(who.map((kind, i) => (kind === 'customer' ? `user-${i}` : kind === 'seller' ? 'policy-denied' : 'policy-subject')))
  })
  test('several in one message: each is answered as if it came alone, and a refusal is reported for itself and its trace', async () => {
    const trace = 'a'.repeat(32)
    const wanted: Record<string, string>[] = [{ grant_type: 'client_credentials', audience: 'order', scope: 'getCart', guest: '6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b11' }, { grant_type: 'client_credentials', audience: 'catalog', scope: 'reserveStock' }, { grant_type: 'password' }]
    const requests = wanted.map((one, i) => ({ form: form(one), ...(i === 1 && { traceparent: `00-${trace}-${'b'.repeat(16)}-00` }) }))
    const { status, body } = await post('edge', '/tokens', JSON.stringify({ requests }), { type: 'application/json' })
    const reported = events
    const alone = await Promise.all(requests.slice(1).map((one) => post('edge', '/token', one.form)))
    expect(status).toBe(200)
    expect(claimsOf(body.answers[0].body.access_token)).toMatchObject({ sub: 'guest:6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b11', scope: 'getCart', cnf: { 'x5t#S256': people['edge']!.mesh().thumbprint } })
    expect(body.answers.slice(1)).toEqual(alone)
    expect(reported.filter((event) => event.traceId === trace)).toMatchObject([{ detection: 'EXCHANGE-DENY', code: 'target-not-allowed', operation: 'catalog.reserveStock' }])
    expect(reported.map(({ code }) => code)).toContain('grant-type')
  })
  test('several in one message: one that goes wrong spoils no other, and is told as if it came alone', async () => {
    const guest = (id: string) => form({ grant_type: 'client_credentials', audience: 'order', scope: 'getCart', guest: id })
    const [good, bad] = ['6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b11', '6f9c1c1e-7f0a-4d3a-9a51-0a4d8e8f6b12'] as const
    unsignable.add(`guest:${bad}`)
    const { status, body } = await post('edge', '/tokens', JSON.stringify({ requests: [good, bad, good].map((id) => ({ form: guest(id) })) }), { type: 'application/json' })
    expect(status).toBe(200)
    expect(body.answers.map((answer: { status: number; body: { code?: string } }) => [answer.status, answer.body.code])).toEqual([[200, undefined], [500, 'internal'], [200, undefined]])
    expect(events).toMatchObject([{ detection: 'CRASH', code: 'internal', subject: 'spiffe://shop.test/mesh/edge', operation: 'order.getCart' }])
    unsignable.clear()
  })
  test.each([['none', []], ['too many', Array.from({ length: 17 }, () => ({ form: '' }))], ['other things', [{ form: 'a', actor: 'edge' }]]])('a message with %s is refused', async (_what, requests) => {
    expect((await post('edge', '/tokens', JSON.stringify({ requests }), { type: 'application/json' })).status).toBe(400)
  })
  test('S2.6 a data certificate is nobody here', async () => {
    expect(await asItself('data', 'catalog', 'reserveStock')).toMatchObject({ status: 403, body: { code: 'peer-unknown' } })
  })
})

test('S1.1-b one of a hundred redeems a token; only its audience may', async () => {
  const { access_token } = (await asItself('order', 'catalog', 'reserveStock')).body
  expect((await post('order', '/redeem', form({ token: access_token }))).body).toMatchObject({ error: 'invalid_grant', code: 'token-audience' })
  const answers = await Promise.all(Array.from({ length: 100 }, () => post('catalog', '/redeem', form({ token: access_token }))))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.filter(({ status, body }) => status === 409 && body.error === 'token_used')).toHaveLength(99)
  expect((await post('catalog', '/redeem', form({ token: `${access_token.slice(0, -4)}AAAA` }))).status).toBe(400)
})

describe('S2.3 a service asks about its own things', () => {
  const ask = (asker: string, evaluation: object, bearer?: string) => post(asker, '/access/v1/evaluation', JSON.stringify(evaluation), { port: ACCESS, server: 'access', type: 'application/json', headers: bearer ? { authorization: `Bearer ${bearer}` } : {} })
  const question = (more: object = {}) => ({ subject: { type: 'User', id: 'alice' }, action: { name: 'order.cancelOrder' }, resource: { type: 'Order', id: 'o1', properties: { owner: 'alice' } }, ...more })
  let mine: string
  beforeAll(async () => { mine = (await exchange('edge', token(userClaims()), 'order', 'cancelOrder')).body.access_token })

  test('and is told', async () => {
    expect(await ask('order', question(), mine)).toMatchObject({ status: 200, body: { decision: true, context: { rules: ['own'] } } })
    expect(await ask('order', question({ resource: { type: 'Order', id: 'o1', properties: { owner: 'bob' } } }), mine)).toMatchObject({ status: 200, body: { decision: false } })
  })
  test.each([
    ['another subject than the token\'s', 'order', question({ subject: { type: 'User', id: 'bob' } }), 403],
    ['attributes for the subject', 'order', question({ subject: { type: 'User', id: 'alice', properties: { role: 'staff' } } }), 403],
    ['another operation than the token\'s', 'order', question({ action: { name: 'order.placeOrder' } }), 403],
    ['another service', 'order', question({ action: { name: 'catalog.reserveStock' } }), 403],
    ['with another\'s token', 'catalog', question({ action: { name: 'catalog.reserveStock' } }), 401],
    ['a caller that is not the one', 'order', question({ context: { caller: 'billing' } }), 403],
    ['an unknown field', 'order', question({ entities: [] }), 400],
    ['a wildcard type', 'order', question({ resource: { type: '*', id: 'o1' } }), 400],
    ['from outside the services', 'edge', question(), 403],
  ])('and is refused: %s', async (_what, asker, evaluation, status) => {
    expect((await ask(asker, evaluation, mine)).status).toBe(status)
    expect(events).toHaveLength(1)
  })
  test('and is refused without a token, or with its own forgery', async () => {
    expect((await ask('order', question())).status).toBe(401)
    const forged = token({ ...claimsOf(mine), sub: 'bob' }, { kid: keys.published().keys[0]!.kid })
    expect((await ask('order', question({ subject: { type: 'User', id: 'bob' } }), forged)).status).toBe(401)
  })
  test('many at once, ending where the semantic says', async () => {
    const many = (evaluations_semantic: string) => post('order', '/access/v1/evaluations', JSON.stringify({ subject: { type: 'User', id: 'alice' }, action: { name: 'order.cancelOrder' }, evaluations: ['alice', 'bob', 'alice'].map((owner) => ({ resource: { type: 'Order', id: 'o', properties: { owner } } })), options: { evaluations_semantic } }), { port: ACCESS, server: 'access', type: 'application/json', headers: { authorization: `Bearer ${mine}` } })
    const decisions = async (semantic: string) => (await many(semantic)).body.evaluations.map((e: { decision: boolean }) => e.decision)
    expect(await decisions('execute_all')).toEqual([true, false, true])
    expect(await decisions('deny_on_first_deny')).toEqual([true, false])
    expect(await decisions('permit_on_first_permit')).toEqual([true])
  })
})

test('S1.5 keys rotate: old tokens verify, new ones are signed by the new key', async () => {
  const lives = { keyLifetimeMs: 3_000, tokenLifetimeMs: 60_000 }
  let at = 1_800_000_000_000
  const rotating = await openSigningKeys(memoryVault(), lives, log, () => at)
  const claims = claimsOf((await asItself('order', 'catalog', 'reserveStock')).body.access_token)
  const first = parseJws(await rotating.sign(claims))!
  at += 3_000
  while (rotating.published().keys.length < 2) await pause(20)
  expect(parseJws(await rotating.sign(claims))!.kid).toBe(first.kid)
  at += 2_000
  expect(parseJws(await rotating.sign(claims))!.kid).not.toBe(first.kid)
  expect(isSignedBy(first, await rotating.verifying.key(first.kid) as KeyObject)).toBe(true)
  rotating.stop()
})

test('S2.2 without access there is no token: fail closed, and back by itself', async () => {
  await access.close()
  expect(await exchange('edge', token(userClaims()), 'order', 'getCart')).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable', code: 'policy-unavailable' } })
  servers = servers.filter((server) => server !== access)
  access = await serveAccess()
  expect((await exchange('edge', token(userClaims()), 'order', 'getCart')).status).toBe(200)
})
