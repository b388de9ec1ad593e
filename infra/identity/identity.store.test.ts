/** The sign-in from end to end, and what must not work (S1.6), on a real database. */
import * as oauth from 'oauth4webapi'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBrowser, createEdgeClient, PASSWORD, REDIRECT, signIn, startIdentity, type EdgeClient, type TestIdentity } from './test-identity.ts'

let idp: TestIdentity
let edge: EdgeClient
beforeAll(async () => {
  idp = await startIdentity(24_001)
  edge = await createEdgeClient(idp.issuer, idp.edge)
})
afterAll(async () => {
  await edge?.dispatcher.close()
  await idp?.close()
})

async function codeFor(username = 'alice', extra?: Record<string, string>) {
  const begun = await edge.begin(extra)
  const callback = await signIn(createBrowser(idp.issuer), begun.path, username)
  return { ...begun, callback, params: oauth.validateAuthResponse(edge.as, edge.client, callback, begun.state) }
}
const tokensFor = async (username?: string) => {
  const { params, verifier, nonce } = await codeFor(username)
  return oauth.processAuthorizationCodeResponse(edge.as, edge.client, await edge.redeem(params, verifier), { expectedNonce: nonce, requireIdToken: true })
}
const errorOf = async (response: Response) => ({ status: response.status, ...(await response.json() as { error: string }) })

describe('a sign-in', () => {
  test('gives an RFC 9068 token for the edge, an id token with the name, and a refresh token', async () => {
    const tokens = await tokensFor('sam')
    expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
    const claims = decodeJwt(tokens.access_token)
    expect(claims).toMatchObject({ iss: idp.issuer, aud: 'spiffe://lantern.test/mesh/edge', client_id: 'edge', role: 'seller', seller: 'seller-1', scope: 'shop' })
    expect(claims.exp! - claims.iat!).toBe(300)
    expect(claims).not.toHaveProperty('name')
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ sub: claims.sub, name: 'Sam Sailer', role: 'seller', seller: 'seller-1', preferred_username: 'sam' })
    expect(tokens.refresh_token).toBeTruthy()
  })

  test('naming the edge as resource at every step changes nothing, naming another service is refused', async () => {
    const resource = 'spiffe://lantern.test/mesh/edge'
    const { params, verifier, nonce } = await codeFor('alice', { resource })
    const named = (parameters: Record<string, string>) => ({ ...edge.options, additionalParameters: parameters })
    const tokens = await oauth.processAuthorizationCodeResponse(edge.as, edge.client, await oauth.authorizationCodeGrantRequest(edge.as, edge.client, edge.auth, params, REDIRECT, verifier, named({ resource })), { expectedNonce: nonce })
    const refreshed = await oauth.processRefreshTokenResponse(edge.as, edge.client, await oauth.refreshTokenGrantRequest(edge.as, edge.client, edge.auth, tokens.refresh_token!, named({ resource })))
    expect(decodeJwt(refreshed.access_token)['aud']).toBe(resource)
    const other = await oauth.refreshTokenGrantRequest(edge.as, edge.client, edge.auth, refreshed.refresh_token!, named({ resource: 'spiffe://lantern.test/mesh/billing' }))
    expect(await errorOf(other)).toMatchObject({ status: 400, error: 'invalid_target' })
  })

  test('the published keys verify the token, and carry no private part', async () => {
    const { access_token } = await tokensFor()
    const browser = createBrowser(idp.issuer)
    const { keys } = JSON.parse((await browser.go('/jwks')).text) as { keys: Record<string, string>[] }
    expect(keys.every((k) => k['kty'] === 'EC' && !('d' in k))).toBe(true)
    const { createLocalJWKSet, jwtVerify } = await import('jose')
    await expect(jwtVerify(access_token, createLocalJWKSet({ keys } as never), { issuer: idp.issuer, audience: 'spiffe://lantern.test/mesh/edge', algorithms: ['ES256'], typ: 'at+jwt' })).resolves.toBeTruthy()
  })

  test('S12.2 no address that it names comes from a request: another host is refused, and told', async () => {
    const browser = createBrowser(idp.issuer)
    const found = await browser.go('/.well-known/openid-configuration', undefined, { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http', forwarded: 'host=evil.example' })
    expect(JSON.parse(found.text)).toMatchObject({ issuer: idp.issuer, authorization_endpoint: `${idp.issuer}/auth`, jwks_uri: `${idp.issuer}/jwks` })
    idp.events.length = 0
    const asked = await request(`${idp.issuer}/.well-known/openid-configuration`, { dispatcher: edge.dispatcher, headers: { host: 'evil.example' } })
    expect([asked.statusCode, await asked.body.text()]).toEqual([421, expect.not.stringContaining('evil.example')])
    expect(idp.events).toEqual([expect.objectContaining({ detection: 'RE3', code: 'host-unknown', address: '127.0.0.1' })])
    await browser.close()
  })

  test('cookies are bound to this checkout, and the session is a __Host- cookie', async () => {
    const browser = createBrowser(idp.issuer)
    await signIn(browser, (await edge.begin()).path)
    expect([...browser.jar.keys()]).toContain('__Host-lantern-abc-identity')
    expect([...browser.jar.keys()].every((name) => /^__(Host|Secure)-lantern-abc-/.test(name))).toBe(true)
  })

  test('the second sign-in in one browser asks nothing, and sign-out ends that and the refresh token', async () => {
    const browser = createBrowser(idp.issuer)
    const first = await edge.begin()
    const params = oauth.validateAuthResponse(edge.as, edge.client, await signIn(browser, first.path), first.state)
    const tokens = await oauth.processAuthorizationCodeResponse(edge.as, edge.client, await edge.redeem(params, first.verifier), { expectedNonce: first.nonce })
    expect((await browser.go((await edge.begin()).path)).location).toContain(`${REDIRECT}?code=`)

    const asked = await browser.go(`/session/end?id_token_hint=${tokens.id_token}&post_logout_redirect_uri=${encodeURIComponent('https://localhost:24099/')}`)
    expect(asked.text).toContain('/assets/sign-out.js')
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(asked.text)![1]!
    expect((await browser.go('/session/end/confirm', { xsrf, logout: 'yes' })).location).toBe('https://localhost:24099/')
    expect((await browser.go((await edge.begin()).path)).location).toContain('/interaction/')
    expect(await errorOf(await edge.refresh(tokens.refresh_token!))).toMatchObject({ status: 400, error: 'invalid_grant' })
  })

  test('by certificate: sellers and staff, named by their own authority alone', async () => {
    const path = async () => (await edge.begin()).path
    const attempt = async (certificate: Parameters<typeof createBrowser>[1]) => {
      const browser = createBrowser(idp.issuer, certificate)
      const start = await browser.go(await path())
      const page = await browser.go(start.location)
      return browser.go(`${start.location}/certificate`, { _csrf: page.csrf })
    }
    expect((await attempt(await idp.users.identity('sam', { uri: 'urn:person:sam' }))).status).toBe(303)
    for (const certificate of [null, await idp.users.identity('alice', { uri: 'urn:x' }), await idp.users.identity('nobody', { uri: 'urn:x' }), await idp.mesh.identity('sam')])
      expect((await attempt(certificate)).status).toBe(400)
  })

  test('registration: a new customer signs in; a taken name answers the same', async () => {
    const browser = createBrowser(idp.issuer)
    const start = await browser.go((await edge.begin()).path)
    const page = await browser.go(`${start.location}/register`)
    const form = { _csrf: page.csrf, username: 'Carla', name: 'Carla Čapek', email: 'carla@example.org', password: 'wandering lanterns 7' }
    const fresh = await browser.go(`${start.location}/register`, form)
    const taken = await browser.go(`${start.location}/register`, { ...form, password: 'another password here' })
    expect([fresh.status, taken.text]).toEqual([200, fresh.text])
    const done = await browser.go(`${start.location}/login`, { _csrf: page.csrf, username: 'carla', password: form.password })
    expect(done.status).toBe(303)
    const short = await browser.go(`${start.location}/register`, { ...form, username: 'x', password: 'short' })
    expect(short.status).toBe(400)
  })
})

describe('S1.6', () => {
  test('ten parallel redemptions of one code give one token set', async () => {
    const { params, verifier } = await codeFor()
    await Promise.all(Array.from({ length: 10 }, () => edge.refresh('unknown'))) // opens ten connections, so that what follows comes at once
    const answers = await Promise.all(Array.from({ length: 10 }, () => edge.redeem(params, verifier)))
    expect(answers.filter((a) => a.status === 200)).toHaveLength(1)
    for (const refused of answers.filter((a) => a.status !== 200)) expect(await errorOf(refused)).toMatchObject({ status: 400, error: 'invalid_grant' })
  })

  test('a refresh token used twice revokes the family', async () => {
    const { refresh_token: first } = await tokensFor()
    const second = await oauth.processRefreshTokenResponse(edge.as, edge.client, await edge.refresh(first!))
    expect(second.refresh_token).not.toBe(first)
    idp.events.length = 0
    expect(await errorOf(await edge.refresh(first!))).toMatchObject({ error: 'invalid_grant' })
    expect(await errorOf(await edge.refresh(second.refresh_token!))).toMatchObject({ error: 'invalid_grant' })
    expect(idp.events[0]).toMatchObject({ detection: 'TOKEN-REPLAY' })
  })

  test('a refresh token raced ten times leaves no living token', async () => {
    const { refresh_token } = await tokensFor()
    const answers = await Promise.all(Array.from({ length: 10 }, () => edge.refresh(refresh_token!)))
    const winners = answers.filter((a) => a.status === 200)
    expect(winners.length).toBeLessThanOrEqual(1)
    for (const winner of winners) {
      const { refresh_token: next } = await winner.json() as { refresh_token: string }
      expect(await errorOf(await edge.refresh(next))).toMatchObject({ error: 'invalid_grant' })
    }
  })

  test.each([
    ['suffix', `${REDIRECT}/x`], ['query', `${REDIRECT}?a=1`], ['fragment', `${REDIRECT}#a`], ['userinfo', REDIRECT.replace('localhost', 'localhost@evil.example')],
    ['other port', REDIRECT.replace('24099', '24098')], ['http', REDIRECT.replace('https', 'http')], ['127.0.0.1', REDIRECT.replace('localhost', '127.0.0.1')],
    ['upper case', REDIRECT.replace('localhost', 'LOCALHOST')], ['dots', REDIRECT.replace('/callback', '/x/../callback')], ['encoded', REDIRECT.replace('/callback', '/%63allback')],
    ['double slash', REDIRECT.replace('/callback', '//callback')], ['script', 'javascript:alert(1)'], ['empty', ''],
  ])('refuses redirect URI with %s', async (_name, redirect_uri) => {
    const response = await edge.push({ response_type: 'code', client_id: 'edge', redirect_uri, scope: 'openid', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' })
    expect(response.status).toBe(400)
  })

  test('refuses a redirect URI given twice', async () => {
    const body = `response_type=code&client_id=edge&redirect_uri=${encodeURIComponent(REDIRECT)}&redirect_uri=${encodeURIComponent('https://evil.example')}&scope=openid&code_challenge=${'x'.repeat(43)}&code_challenge_method=S256`
    const response = await edge.options[oauth.customFetch](edge.as.pushed_authorization_request_endpoint!, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    expect(response.status).toBe(400)
  })

  test('accepts the same pushed request unchanged', async () => {
    const response = await edge.push({ response_type: 'code', client_id: 'edge', redirect_uri: REDIRECT, scope: 'openid', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' })
    expect(response.status).toBe(201)
  })

  test.each([
    ['no challenge', { code_challenge: '' }], ['plain', { code_challenge_method: 'plain' }], ['implicit', { response_type: 'token' }], ['id_token', { response_type: 'id_token' }], ['hybrid', { response_type: 'code id_token' }],
    ['fragment', { response_mode: 'fragment' }], ['form_post', { response_mode: 'form_post' }], ['another resource', { resource: 'spiffe://lantern.test/mesh/billing' }], ['request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }], ['client metadata', { registration: '{}' }],
  ])('refuses a pushed request with %s', async (_name, change) => {
    const response = await edge.push({ response_type: 'code', client_id: 'edge', redirect_uri: REDIRECT, scope: 'openid', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256', ...change })
    expect(response.status).toBe(400)
  })

  test('refuses parameters in the front channel, a foreign and a used request_uri, without a redirect', async () => {
    const browser = createBrowser(idp.issuer)
    const plain = `/auth?response_type=code&client_id=edge&redirect_uri=${encodeURIComponent(REDIRECT)}&scope=openid&code_challenge=${'x'.repeat(43)}&code_challenge_method=S256&state=s`
    expect(new URL((await browser.go(plain)).location, idp.issuer).searchParams.get('error') ?? 'shown').toMatch(/invalid_request|shown/)
    const { path } = await edge.begin()
    const foreign = await browser.go(path.replace('client_id=edge', 'client_id=mobile'))
    expect([foreign.status, foreign.location]).toEqual([400, ''])
    await signIn(browser, path)
    const again = await browser.go(path)
    expect(again.location).not.toContain('code=')
  })

  test('refuses a code with another verifier, redirect URI or client certificate', async () => {
    const other = async (use: (c: Awaited<ReturnType<typeof codeFor>>) => Promise<Response>) => errorOf(await use(await codeFor()))
    expect(await other((c) => edge.redeem(c.params, oauth.generateRandomCodeVerifier()))).toMatchObject({ error: 'invalid_grant' })
    expect(await other((c) => edge.redeem(c.params, c.verifier, `${REDIRECT}/x`))).toMatchObject({ error: 'invalid_grant' })
    for (const caller of [null, await idp.mesh.identity('order'), await idp.mesh.identity('edge', { uri: 'spiffe://lantern.test/data/edge' }), await idp.users.identity('edge', { uri: 'spiffe://lantern.test/mesh/edge' })]) {
      const thief = await createEdgeClient(idp.issuer, caller)
      expect(await other((c) => thief.redeem(c.params, c.verifier))).toMatchObject({ status: 401, error: 'invalid_client' })
      await thief.dispatcher.close()
    }
  })

  test.each(['password', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code', 'urn:ietf:params:oauth:grant-type:token-exchange', 'implicit'])('refuses grant %s', async (grant) => {
    const response = await oauth.genericTokenEndpointRequest(edge.as, edge.client, edge.auth, grant, new URLSearchParams({ username: 'alice', password: PASSWORD }), edge.options)
    expect(await errorOf(response)).toMatchObject({ status: 400 })
  })

  test.each(['/reg', '/token/introspection', '/me', '/device', '/device/auth', '/backchannel'])('has no %s', async (path) => {
    const browser = createBrowser(idp.issuer)
    expect([404, 405]).toContain((await browser.go(path)).status)
    expect([404, 405]).toContain((await browser.go(path, { a: 'b' })).status)
  })
})

describe('mobile', () => {
  test('code + PAR + DPoP with nonce gives a bound token; another key cannot refresh it', async () => {
    const { as, options } = edge
    const client: oauth.Client = { client_id: 'mobile' }
    const redirect = 'test.lantern:/callback'
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
    const verifier = oauth.generateRandomCodeVerifier()
    const params = new URLSearchParams({ response_type: 'code', client_id: 'mobile', redirect_uri: redirect, scope: 'openid shop', state: 's', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' })
    const twice = async <T>(work: () => Promise<T>): Promise<T> => work().catch((e) => { if (!oauth.isDPoPNonceError(e)) throw e; return work() })
    const pushed = await twice(async () => oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, oauth.None(), params, { ...options, DPoP })))
    const callback = await signIn(createBrowser(idp.issuer), `/auth?client_id=mobile&request_uri=${encodeURIComponent(pushed.request_uri)}`)
    expect(callback.protocol).toBe('test.lantern:')
    const code = oauth.validateAuthResponse(as, client, callback, 's')
    const tokens = await twice(async () => oauth.processAuthorizationCodeResponse(as, client, await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), code, redirect, verifier, { ...options, DPoP })))
    expect(decodeJwt(tokens.access_token)).toHaveProperty('cnf.jkt')
    const thief = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
    const stolen = () => oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token!, { ...options, DPoP: thief })
    await stolen()
    expect(await errorOf(await stolen())).toMatchObject({ error: 'invalid_grant' })
  })
})
