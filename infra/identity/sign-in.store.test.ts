/** The sign-in page against guessing, forging and bad input (S11.1), and keys that change under load (S1.5). */
import { once } from 'node:events'
import { connect } from 'node:tls'
import * as oauth from 'oauth4webapi'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBrowser, createEdgeClient, PASSWORD, signIn, startIdentity, type Browser, type EdgeClient, type TestIdentity } from './test-identity.ts'

let idp: TestIdentity
let edge: EdgeClient
beforeAll(async () => {
  idp = await startIdentity(24_002)
  edge = await createEdgeClient(idp.issuer, idp.edge)
})
afterAll(async () => {
  await edge?.dispatcher.close()
  await idp?.close()
})

async function open(): Promise<{ browser: Browser; at: string; csrf: string }> {
  const browser = createBrowser(idp.issuer)
  const at = (await browser.go((await edge.begin()).path)).location
  return { browser, at, csrf: (await browser.go(at)).csrf }
}
const emptyBuckets = () => idp.store.query('delete from login_throttle')

test('S11.1 an unknown name and a wrong password get the same answer', async () => {
  const { browser, at, csrf } = await open()
  const say = async (username: string) => {
    const { status, text, headers } = await browser.go(`${at}/login`, { _csrf: csrf, username, password: 'wrong wrong wrong' })
    return { status, text: text.replaceAll(username, 'NAME'), headers: [...headers.keys()].sort().join() }
  }
  expect(await say('nobody')).toEqual(await say('alice'))
  expect((await say('alice')).status).toBe(400)
})

test('S11.1 an unknown name costs what a known one costs', async () => {
  const { browser, at, csrf } = await open()
  const times: Record<string, number[]> = { alice: [], nobody: [] }
  for (let i = 0; i < 12; i++) for (const username of ['alice', 'nobody']) {
    await emptyBuckets()
    const start = performance.now()
    await browser.go(`${at}/login`, { _csrf: csrf, username, password: 'wrong wrong wrong' })
    times[username]!.push(performance.now() - start)
  }
  const fastest = (name: string) => Math.min(...times[name]!)
  expect(fastest('nobody')).toBeGreaterThan(fastest('alice') * 0.3) // without the work: 0.05
})

test('S11.1 guesses at once are counted one by one, and another source is not locked out', async () => {
  await emptyBuckets()
  const { browser, at, csrf } = await open()
  const guess = (password: string) => browser.go(`${at}/login`, { _csrf: csrf, username: 'alice', password })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => guess(`wrong password ${i}`)))
  expect(answers.filter((a) => a.status === 400).length).toBe(5)
  const refused = answers.filter((a) => a.status === 429)
  expect(refused).toHaveLength(15)
  expect(Number(refused[0]!.headers.get('retry-after'))).toBeLessThanOrEqual(30)
  expect((await guess(PASSWORD)).status).toBe(429)
  await idp.store.query(`update login_throttle set at = at - interval '31 seconds'`)
  expect((await guess(PASSWORD)).status).toBe(303) // one leak later the owner is in, whatever went before
  expect(idp.events.some((e) => e.detection === 'AE3') && idp.events.some((e) => e.detection === 'AE2')).toBe(true)
  expect(JSON.stringify(idp.events)).not.toContain('alice')
})

test('forms are bound to their interaction and browser, and to this origin', async () => {
  await emptyBuckets()
  const mine = await open()
  const theirs = await open()
  const form = { username: 'alice', password: PASSWORD }
  const refusals = [
    await mine.browser.go(`${mine.at}/login`, form), // no token
    await mine.browser.go(`${mine.at}/login`, { ...form, _csrf: theirs.csrf }), // another interaction's
    await mine.browser.go(`${mine.at}/login`, { ...form, _csrf: mine.csrf }, { 'sec-fetch-site': 'cross-site' }),
    await createBrowser(idp.issuer).go(`${mine.at}/login`, { ...form, _csrf: mine.csrf }), // no cookie
    await theirs.browser.go(`${mine.at}/login`, { ...form, _csrf: mine.csrf }), // another's cookie
  ]
  expect(refusals.map((r) => r.status)).toEqual([403, 403, 403, 400, 400])
})

test('every page has a strict policy, and nothing is cached or framed', async () => {
  const { browser, at } = await open()
  for (const path of [at, `${at}/register`, '/auth', '/session/end', '/nothing']) {
    const { headers } = await browser.go(path)
    const csp = headers.get('content-security-policy')!
    expect(csp).toMatch(/^default-src 'none'; ?style-src 'self'; ?img-src 'self';/)
    expect(csp).toMatch(/form-action 'self' https:\/\/localhost:24099; ?frame-ancestors 'none'; ?base-uri 'none'/)
    expect(csp).not.toContain('unsafe')
    expect(headers.get('cache-control')).toContain('no-store')
  }
})

test('what a person typed is escaped', async () => {
  const { browser, at, csrf } = await open()
  const { text } = await browser.go(`${at}/login`, { _csrf: csrf, username: '"><script>alert(1)</script>', password: 'x' })
  expect(text).not.toContain('<script>')
  expect(text).toContain('&quot;&gt;&lt;script&gt;')
})

test.each([
  ['an unknown field', { evil: '1' }, 400], ['a NUL', { username: 'a\0b' }, 400], ['9 kB', { password: 'x'.repeat(9_000) }, 413],
] as [string, Record<string, string>, number][])('bad input is named, never a 5xx: %s', async (_name, change, status) => {
  await emptyBuckets()
  const { browser, at, csrf } = await open()
  const answer = await browser.go(`${at}/login`, { _csrf: csrf, username: 'alice', password: PASSWORD, ...change }, { accept: 'application/json' })
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(JSON.parse(answer.text)).toMatchObject({ status, type: expect.stringMatching(/^\/problems\//) })
})

test('a browser that leaves in the middle of a form harms nobody', async () => {
  const { browser, at } = await open()
  const socket = connect({ port: idp.port, rejectUnauthorized: false })
  const cookie = [...browser.jar].map(([name, c]) => `${name}=${c.value}`).join('; ')
  socket.write(`POST ${at}/login HTTP/1.1\r\nhost: localhost\r\ncookie: ${cookie}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n\r\nusername=`, () => setTimeout(() => socket.destroy(), 50))
  await once(socket, 'close')
  expect((await browser.go(at)).status).toBe(200)
})

test.each(['/%', '/interaction/', '/interaction/../auth', '/interaction/aaaaaaaaaaaaaaaaaaaaa', '/auth?client_id=%00', '/auth?client_id=a&client_id=b', '/auth?request_uri=%ff&client_id=edge', '/session/end?id_token_hint=x.y.z', '/auth/unknown', '/.well-known/x', '//auth', '/jwks?x=1', '/assets/../main.ts'])('no 5xx for GET %s', async (path) => {
  const { status } = await createBrowser(idp.issuer).go(`${idp.issuer}${path}`)
  expect(status).toBeLessThan(500)
})

test.each([['/nothing', 404, 'operation-unknown'], ['/reg', 404, 'operation-unknown'], ['/token', 405, 'method-not-allowed'], ['/session/end/confirm', 405, 'method-not-allowed'], ['/interaction/xx', 404, 'not-found']])('GET %s: %i as a problem, or a page for a browser', async (path, status, code) => {
  const browser = createBrowser(idp.issuer)
  const machine = await browser.go(path, undefined, { accept: 'application/json' })
  expect([machine.status, JSON.parse(machine.text).code]).toEqual([status, code])
  const person = await browser.go(path)
  expect([person.status, person.headers.get('content-type')]).toEqual([status, 'text/html; charset=utf-8'])
})

test.each(['/token', '/request', '/token/revocation', '/session/end/confirm', '/auth'])('no 5xx for odd posts to %s', async (path) => {
  const browser = createBrowser(idp.issuer)
  for (const [body, type] of [['%ff=%', 'application/x-www-form-urlencoded'], ['{"a":', 'application/json'], ['a=1&a=2', 'application/x-www-form-urlencoded'], ['x'.repeat(70_000), 'application/x-www-form-urlencoded'], ['grant_type[]=x&client_id[]=edge', 'application/x-www-form-urlencoded']]) {
    const { status } = await edge.options[oauth.customFetch](`${idp.issuer}${path}`, { method: 'POST', body: body!, headers: { 'content-type': type! } } as never)
    expect(status).toBeLessThan(500)
  }
  await browser.close()
})

test('S1.5 keys change under load: every sign-in works, and every token verifies against the keys published then', async () => {
  const overlapSeconds = 1
  const quick = await startIdentity(24_003, { lifetimeSeconds: 1, overlapSeconds })
  const client = await createEdgeClient(quick.issuer, quick.edge)
  const kids = new Set<string>()
  while (kids.size < 3) {
    const begun = await client.begin()
    const params = oauth.validateAuthResponse(client.as, client.client, await signIn(createBrowser(quick.issuer), begun.path), begun.state)
    const redeemedAt = performance.now()
    const tokens = await oauth.processAuthorizationCodeResponse(client.as, client.client, await client.redeem(params, begun.verifier), { expectedNonce: begun.nonce })
    const { kid } = decodeProtectedHeader(tokens.access_token)
    const { keys } = JSON.parse((await createBrowser(quick.issuer).go('/jwks')).text) as { keys: { kid: string }[] }
    // A key stays for the overlap after its last token: what a busy machine fetched later says nothing of it.
    if (performance.now() - redeemedAt > overlapSeconds * 1_000) continue
    expect(keys.map((k) => k.kid)).toContain(kid)
    kids.add(kid!)
  }
  expect((await quick.vault.listKeys()).length).toBeLessThanOrEqual(4)
  await client.dispatcher.close()
  await quick.close()
})
