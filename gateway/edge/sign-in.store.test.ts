import { createBrowser, signIn } from '@shop/identity/test-identity.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createIdentityClient } from './identity-client.ts'
import { hashOf } from './sessions/handle.ts'
import { answer, COOKIE, ORIGINS, startEdge, type TestEdge } from './test-edge.ts'
import { startProvider } from './test-identity-provider.ts'

let provider: Awaited<ReturnType<typeof startProvider>>, edge: TestEdge
let mergeAnswer = 200
const cart = { lines: [], totalMinor: 0, currency: 'EUR', count: 0 }
beforeAll(async () => {
  provider = await startProvider(27_011, ORIGINS.web)
  edge = await startEdge({
    issuer: provider.issuer,
    identity: createIdentityClient({ issuer: provider.issuer, roots: provider.roots, identity: provider.edge }),
    services: {
      'order.getCart': () => answer(200, cart), 'order.putCartLine': () => answer(200, cart), 'order.mergeCart': () => answer(mergeAnswer, cart),
      'order.listOrders': () => answer(200, { items: [], page: 1, pageSize: 24, total: 0 }), 'catalog.listProducts': () => answer(200, { items: [], page: 1, pageSize: 24, total: 0 }),
    },
  })
})
afterAll(async () => {
  await edge.close()
  await provider.close()
})
beforeEach(() => { edge.events.length = 0; edge.calls.length = 0; mergeAnswer = 200 })

type Tab = Awaited<ReturnType<TestEdge['tab']>>
/** From /login at the shop to the callback's path, not yet followed. */
async function authorize(tab: Tab, path = '/login?return=/orders', username = 'alice'): Promise<string> {
  const start = await tab.go('GET', path)
  expect(start.status).toBe(303)
  const browser = createBrowser(provider.issuer)
  const to = new URL(String(start.headers['location']))
  const back = await signIn(browser, to.pathname + to.search, username)
  await browser.close()
  return back.pathname + back.search
}
async function signedIn(username = 'alice'): Promise<Tab> {
  const tab = await edge.tab()
  expect(await tab.go('GET', await authorize(tab, '/login', username))).toMatchObject({ status: 303, headers: { location: '/' } })
  await tab.refresh()
  return tab
}
const rowOf = (cookie: string) => edge.store.query('select 1 from sessions where hash = $1', [hashOf(cookie.slice(COOKIE.length + 1))])

test('S1.6 S10.1 a visitor signs in: new handle, own cart merged, tokens stay inside', async () => {
  const tab = await edge.tab()
  await tab.go('PUT', '/api/cart/lines/01890000-0000-7000-8000-000000000001', { body: '{"quantity":1}' })
  const { guest } = edge.calls.at(-1)!.subject as { guest: string }
  const before = tab.cookie()
  const done = await tab.go('GET', await authorize(tab))
  expect(done).toMatchObject({ status: 303, headers: { location: '/orders' } })
  expect(tab.cookie()).not.toBe(before)
  expect(edge.calls.at(-1)).toMatchObject({ operation: 'mergeCart', subject: { kind: 'token' } })
  expect(JSON.parse(edge.calls.at(-1)!.body!.toString())).toEqual({ guestId: guest })
  const session = await tab.refresh()
  expect(session.user).toEqual({ name: 'Alice Adler', role: 'customer' })
  expect((await tab.go('GET', '/api/orders')).status).toBe(200)
  const { token } = edge.calls.at(-1)!.subject as { token: string }
  expect(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())).toMatchObject({ aud: 'spiffe://lantern.test/mesh/edge', role: 'customer', iss: provider.issuer })
  expect(JSON.stringify([done, session])).not.toContain('eyJ')
  expect((await rowOf(before)).rows).toEqual([])
  expect(await edge.send('web', 'PUT', '/api/cart/lines/01890000-0000-7000-8000-000000000001', { headers: { cookie: before, origin: ORIGINS.web, 'content-type': 'application/json' }, body: '{"quantity":1}' })).toMatchObject({ status: 401, json: { code: 'session-ended' } })
})

test('S1.6-c S1.6-d the answer counts once, for the session that asked, from the issuer that was asked', async () => {
  const [tab, other] = [await edge.tab(), await edge.tab()]
  const callback = await authorize(tab)
  const refused = (t: Tab, path: string) => t.go('GET', path)
  expect(await refused(other, callback)).toMatchObject({ status: 400, json: { code: 'state-mismatch' } })
  expect(await edge.send('web', 'GET', callback)).toMatchObject({ status: 400, json: { code: 'state-mismatch' } })
  expect(await refused(tab, callback.replace(/state=[^&]+/, `state=${'x'.repeat(43)}`))).toMatchObject({ status: 400, json: { code: 'state-mismatch' } })
  expect(await refused(tab, callback.replace(/&iss=[^&]+/, ''))).toMatchObject({ status: 400, json: { code: 'input-invalid' } })
  expect((await tab.refresh()).user).toBeNull()
  expect(await tab.go('GET', callback)).toMatchObject({ status: 303 })
  expect(await tab.go('GET', callback)).toMatchObject({ status: 400, json: { code: 'state-mismatch' } })
  expect((await tab.refresh()).user).toMatchObject({ name: 'Alice Adler' })
  expect(edge.events.filter((e) => e.code === 'state-mismatch').every((e) => e.detection === 'SE4')).toBe(true)
  const again = await edge.tab()
  const foreign = (await authorize(again)).replace(/iss=[^&]+/, 'iss=https%3A%2F%2Fevil.example')
  expect(await again.go('GET', foreign)).toMatchObject({ status: 400, json: { code: 'state-mismatch' } })
  const swapped = (await authorize(again)).replace(/code=[^&]+/, 'code=of-someone-else')
  expect(await again.go('GET', swapped)).toMatchObject({ status: 401, json: { code: 'sign-in-failed' } })
})

test.each(['//evil.example', '/\\evil.example', 'https://evil.example', '/%0d%0aX: y/../..//evil', 'javascript:alert(1)', '/a b', '/a/..//evil.example', '/.%2e//evil.example'])('T1 comes back to a path of this shop only: %s', async (path) => {
  const res = await (await edge.tab()).go('GET', `/login?return=${encodeURIComponent(path)}`)
  if (res.status === 303) expect(path.startsWith('/%0d')).toBe(true) // a harmless local path, never decoded
  else expect(res).toMatchObject({ status: 400, json: { code: 'input-invalid' } })
})

test('S10.1 signing out ends it here at once, and at the provider', async () => {
  const refreshTokens = async () => (await provider.store.query<{ n: number }>(`select count(*)::int as n from oidc_record where model = 'RefreshToken'`)).rows[0]!.n
  const before = await refreshTokens()
  const tab = await signedIn()
  expect(await refreshTokens()).toBe(before + 1)
  const old = tab.cookie()
  const out = await tab.go('POST', '/logout')
  expect(out.status).toBe(303)
  expect(await refreshTokens()).toBe(before)
  expect(String(out.headers['location'])).toMatch(new RegExp(`^${provider.issuer}/.*post_logout_redirect_uri=`))
  expect(String(out.headers['set-cookie'])).toMatch(/Max-Age=0/)
  expect(await edge.send('web', 'GET', '/api/orders', { headers: { cookie: old } })).toMatchObject({ status: 401, json: { code: 'sign-in-required' } })
})

test('S1.6 a token near its end is renewed once for many requests, and a refusal signs out', async () => {
  const tab = await signedIn()
  const session = { handle: tab.cookie().slice(COOKIE.length + 1), hash: hashOf(tab.cookie().slice(COOKIE.length + 1)), data: { guestId: '' }, endsAt: 0 }
  const expire = (refresh?: string) => edge.sessions.update(session, (data) => ({ ...data, tokens: { ...data.tokens!, expiresAt: Date.now() + 1_000, ...(refresh && { refresh }) } }))
  await tab.go('GET', '/api/orders')
  const first = (edge.calls.at(-1)!.subject as { token: string }).token
  await expire()
  const many = await Promise.all(Array.from({ length: 12 }, () => tab.go('GET', '/api/orders')))
  expect(many.map((r) => r.status)).toEqual(Array(12).fill(200))
  const tokens = new Set(edge.calls.slice(-12).map((c) => (c.subject as { token: string }).token))
  expect(tokens.size).toBe(1)
  expect(tokens.has(first)).toBe(false)
  await expire('not-a-refresh-token')
  expect(await tab.go('GET', '/api/orders')).toMatchObject({ status: 401, json: { code: 'session-ended' } })
  expect((await tab.refresh()).user).toBeNull()
})

test('A2 a cart that could not be merged waits for the next look', async () => {
  mergeAnswer = 503
  const tab = await edge.tab()
  await tab.go('GET', await authorize(tab))
  expect((await tab.refresh()).user).not.toBeNull()
  mergeAnswer = 200
  edge.calls.length = 0
  await tab.go('GET', '/api/cart')
  await tab.go('GET', '/api/cart')
  expect(edge.calls.map((c) => c.operation)).toEqual(['mergeCart', 'getCart', 'getCart'])
})

test('S2.1 sellers see their own products, customers none', async () => {
  const [alice, sam] = [await signedIn(), await signedIn('sam')]
  expect(await alice.go('GET', '/api/seller/products')).toMatchObject({ status: 403, json: { code: 'role-not-allowed' } })
  expect((await sam.go('GET', '/api/seller/products')).status).toBe(200)
  expect(edge.calls.at(-1)).toMatchObject({ operation: 'listProducts', query: expect.stringContaining('seller=anna') })
})
