/** The process itself: real vault, real certificates, PostgreSQL over TLS, plain `node main.ts`. */
import { join } from 'node:path'
import { enrol } from '@shop/chassis/identity.ts'
import { createLog } from '@shop/chassis/log.ts'
import { startPart, type Child } from '@shop/chassis/test-part.ts'
import { startControlPlane, type ControlPlane } from '@shop/pki/test-control-plane.ts'
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBrowser, createEdgeClient, PASSWORD, REDIRECT, signIn } from './test-identity.ts'
import { startTlsDatabase } from './test-tls-database.ts'

const PORT = 24_012
let plane: ControlPlane
let database: Awaited<ReturnType<typeof startTlsDatabase>>
let identity: Child

beforeAll(async () => {
  plane = await startControlPlane({ port: 24_010 })
  database = await startTlsDatabase(plane, 'identity', join(import.meta.dirname, 'migrations'), 24_011)
  identity = await start()
})
afterAll(async () => {
  await identity?.stop()
  await database?.stop()
  await plane?.stop()
})

async function start(change: Record<string, unknown> = {}): Promise<Child> {
  const launch = await plane.launch('identity', ['mesh', 'data'])
  const door = (await plane.admin('POST', '/issue', { kind: 'door', name: 'identity' })).body
  const roots = (await plane.admin('GET', '/roots')).body
  return startPart('identity', {
    ...launch, secrets: { doorKey: door.key, cookieKey: 'c'.repeat(43), 'password:alice': PASSWORD, 'password:sam': PASSWORD },
    config: {
      port: PORT, issuer: `https://localhost:${PORT}`, certificate: door.certificate, vaultSocket: `${plane.dir}/v-identity`, database: database.database,
      edge: { redirectUris: [REDIRECT], postLogoutRedirectUris: ['https://localhost:24099/'], spiffeId: 'spiffe://shop.test/mesh/edge' }, userRoots: roots.users,
      accounts: [{ username: 'alice', role: 'customer', name: 'Alice Adler', email: 'alice@example.org' }, { username: 'sam', role: 'seller', seller: 'seller-1', name: 'Sam Sailer', email: 'sam@example.org' }],
      ...change,
    },
  })
}

test('a sign-in through the real process; a restart keeps accounts, sessions and keys', async () => {
  const edgeIdentity = await enrol(await plane.launch('edge', ['mesh']), createLog('edge'))
  const edge = await createEdgeClient(`https://localhost:${PORT}`, edgeIdentity)
  const browser = createBrowser(`https://localhost:${PORT}`)
  const first = await edge.begin()
  const params = oauth.validateAuthResponse(edge.as, edge.client, await signIn(browser, first.path), first.state)
  const tokens = await oauth.processAuthorizationCodeResponse(edge.as, edge.client, await edge.redeem(params, first.verifier), { expectedNonce: first.nonce })
  expect(decodeJwt(tokens.access_token)).toMatchObject({ aud: 'spiffe://shop.test/mesh/edge', role: 'customer' })

  const person = (await plane.admin('POST', '/issue', { kind: 'user', name: 'sam' })).body
  const certified = createBrowser(`https://localhost:${PORT}`, { mesh: () => person } as never)
  const page = await certified.go((await edge.begin()).path)
  const { csrf, text } = await certified.go(page.location)
  expect(text).toContain('Your browser has offered one')
  expect((await certified.go(`${page.location}/certificate`, { _csrf: csrf })).status).toBe(303)

  const { keys } = JSON.parse((await browser.go('/jwks')).text) as { keys: { kid: string }[] }
  await identity.stop()
  expect(identity.log().map((l) => l['msg'])).toContain('serving')
  expect(JSON.stringify(identity.log())).not.toMatch(/Unsupported|correct horse/)
  identity = await start()
  expect((JSON.parse((await browser.go('/jwks')).text) as { keys: { kid: string }[] }).keys.map((k) => k.kid)).toEqual(keys.map((k) => k.kid))
  expect((await browser.go((await edge.begin()).path)).location).toContain(`${REDIRECT}?code=`) // still signed in
  await oauth.processRefreshTokenResponse(edge.as, edge.client, await edge.refresh(tokens.refresh_token!))
  edgeIdentity.stop()
})

test('an unusable configuration is named, and the process does not start', async () => {
  await expect(start({ issuer: 'http://localhost:1' })).rejects.toThrow(/ended with 78[\s\S]*issuer/)
  await expect(start({ surprise: 1 })).rejects.toThrow(/surprise/)
})
