import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { hashOf } from './sessions/handle.ts'
import { answer, API_KEY, COOKIE, ORIGINS, startEdge, type Services, type TestEdge } from './test-edge.ts'

const id = '01890000-0000-7000-8000-000000000001'
const product = { id, number: 'LM-0001', name: 'Cup', description: 'A cup', category: 'Tableware', seller: { id: 'anna', name: 'Anna' }, priceMinor: 1900, currency: 'EUR', stock: 3, pictureUrl: '/x', version: 4, costMinor: 700, warehouse: 'cellar' }
const cart = { lines: [], totalMinor: 0, currency: 'EUR', count: 0 }
const services: Services = {
  'catalog.listProducts': () => answer(200, { items: [product], page: 1, pageSize: 24, total: 1, took: 3 }, { server: 'catalog/1', 'x-instance': 'catalog-1', via: 'micro' }),
  'catalog.getProduct': () => answer(200, product, { etag: '"4"' }),
  'catalog.getPicture': () => ({ status: 200, headers: { 'content-type': 'image/svg+xml' }, body: Buffer.from('<svg/>') }),
  'order.getCart': () => answer(200, cart),
  'order.putCartLine': () => answer(200, { ...cart, count: 1 }),
  'billing.receiveProviderEvent': () => answer(204),
}
let edge: TestEdge
beforeAll(async () => { edge = await startEdge({ services }) })
afterAll(() => edge.close())
beforeEach(() => { edge.events.length = 0; edge.calls.length = 0 })

test('G2 S4.1 only public fields and headers leave the shop', async () => {
  const { status, headers, json } = await edge.send('web', 'GET', '/api/products?search=cup')
  expect(status).toBe(200)
  const { costMinor: _c, warehouse: _w, version: _v, ...shown } = product
  expect(json).toEqual({ items: [{ ...shown, pictureUrl: `/pictures/${id}` }], page: 1, pageSize: 24, total: 1 })
  for (const name of ['server', 'via', 'x-instance', 'x-powered-by', 'set-cookie']) expect(headers).not.toHaveProperty(name)
  expect(headers['content-security-policy']).toMatch(/^default-src 'none';.*frame-ancestors 'none'/)
  expect((await edge.send('web', 'GET', '/nowhere', { headers: { accept: 'text/html' } })).headers['content-security-policy']).toContain("require-trusted-types-for 'script'")
  expect(edge.calls[0]).toMatchObject({ callee: 'catalog', operation: 'listProducts', subject: { kind: 'guest' } })
})

test('S4.1 without the control the headers of services would leave the shop', async () => {
  const open = await startEdge({ services, pipeline: (controls) => controls.filter((c) => c.name !== 'response-headers') })
  try {
    expect((await open.send('web', 'GET', '/api/products')).headers).toMatchObject({ server: 'catalog/1', 'x-instance': 'catalog-1' })
  } finally {
    await open.close()
  }
})

const page = '/api/products'
test.each([
  ['unknown query', 'GET', '/api/products?colour=red', 400, 'parameter-unexpected', 'RE5'],
  ['query twice', 'GET', '/api/products?page=1&page=2', 400, 'input-invalid', 'IE2'],
  ['mistyped', 'GET', '/api/products?page=1e1', 400, 'input-invalid', 'IE2'],
  ['bad id', 'GET', '/api/products/1', 400, 'input-invalid', 'IE2'],
  ['unknown path', 'GET', '/api/secrets', 404, 'operation-unknown', 'ACE3'],
  ['double encoding', 'GET', '/api/products/%252e', 400, 'path-malformed', 'EE1'],
  ['encoded slash', 'GET', '/api%2fproducts', 400, 'path-malformed', 'EE1'],
  ['overlong UTF-8', 'GET', '/api/%c0%ae', 400, 'path-malformed', 'EE1'],
  ['verb of the path', 'DELETE', page, 405, 'method-not-allowed', 'RE1'],
  ['HEAD', 'HEAD', page, 405, undefined, 'RE1'], ['OPTIONS', 'OPTIONS', page, 405, 'method-not-allowed', 'RE1'], ['PATCH', 'PATCH', page, 405, 'method-not-allowed', 'RE1'], ['TRACE', 'TRACE', page, 405, 'method-not-allowed', 'RE1'],
])('S5.1 refuses, names and reports: %s', async (_what, method, path, status, code, detection) => {
  const res = await edge.send('web', method, path)
  expect(res.status).toBe(status)
  if (code) expect(res.json).toMatchObject({ code, type: `/problems/${code}`, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) })
  if (status === 405) expect(res.headers['allow']).toMatch(/GET/)
  expect(edge.events).toEqual([expect.objectContaining({ detection, traceId: res.json?.traceId ?? expect.any(String), address: '127.0.0.1', control: expect.stringMatching(/.+/) })])
  expect(edge.calls).toEqual([])
})

const get = (lines: string) => `GET /api/products HTTP/1.1\r\nHost: localhost:24099\r\n${lines}\r\n`
test.each([
  ['two lengths', `POST /api/orders HTTP/1.1\r\nHost: localhost:24099\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['length twice', get('Content-Length: 0\r\nContent-Length: 5\r\n'), 400], ['signed length', get('Content-Length: +5\r\n'), 400], ['space before colon', get('Accept : a\r\n'), 400],
  ['obs-fold', get('X-A: b\r\n c\r\n'), 400], ['bare LF', 'GET /api/products HTTP/1.1\nHost: localhost:24099\n\n', 400], ['no host', 'GET /api/products HTTP/1.1\r\n\r\n', 400], ['two hosts', get('Host: evil\r\n'), 400],
  ['other host', 'GET /api/products HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n', 421], ['host and port of another door', 'GET /api/products HTTP/1.1\r\nHost: localhost:24098\r\nConnection: close\r\n\r\n', 421],
  ['absolute target', 'GET https://order.lantern.test/ HTTP/1.1\r\nHost: localhost:24099\r\nConnection: close\r\n\r\n', 400], ['CONNECT', 'CONNECT 127.0.0.1:8500 HTTP/1.1\r\nHost: localhost:24099\r\n\r\n', 405],
  ['dot segments', 'GET /products/../admin HTTP/1.1\r\nHost: localhost:24099\r\nConnection: close\r\n\r\n', 400], ['no method', 'GeT /api/products HTTP/1.1\r\nHost: localhost:24099\r\n\r\n', 405], ['HTTP/1.0', 'GET /api/products HTTP/1.0\r\nHost: localhost:24099\r\n\r\n', 400],
  ['a coding that is none', `POST /api/orders HTTP/1.1\r\nHost: localhost:24099\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400], ['HTTP/1.0 in chunks', 'POST /api/orders HTTP/1.0\r\nHost: localhost:24099\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['an expectation we do not know', get('Expect: 200-ok\r\n'), 400], ['one that only looks like one', get('Expect: y 100-continue\r\n'), 400],
  ['hop-by-hop list', get('Connection: cookie, close\r\n'), 400], ['header of ours', get('Deadline-Ms: 5\r\nConnection: close\r\n'), 400], ['big header', get(`X-A: ${'a'.repeat(17_000)}\r\n`), 431],
])('S5.1 T1 one refusal and a closed connection: %s', async (_what, bytes, status) => {
  const text = await edge.raw(bytes)
  expect(text.startsWith(`HTTP/1.1 ${status} `)).toBe(true)
  expect(text.match(/HTTP\/1\.1 \d{3} /g)).toHaveLength(1)
  expect(edge.events).toHaveLength(1)
})

test('a refusal ends a connection only where a body was left unread', async () => {
  const refused = (more: string) => `${more ? 'POST' : 'GET'} /nowhere HTTP/1.1\r\nHost: localhost:24099\r\n${more}\r\n`
  const last = get('Connection: close\r\n')
  expect((await edge.raw(refused('') + last)).match(/HTTP\/1\.1 \d{3} /g)).toEqual(['HTTP/1.1 404 ', 'HTTP/1.1 200 '])
  expect((await edge.raw(`${refused('Content-Length: 500\r\n')}abc`)).match(/HTTP\/1\.1 \d{3} /g)).toEqual(['HTTP/1.1 404 '])
})

test('T1 an answer under way goes out whole, and nothing beside it', async () => {
  const text = await edge.raw(`${get('')}\x00\x01 no request\r\n\r\n`)
  expect(text).toMatch(/^HTTP\/1\.1 200 (?![\s\S]*HTTP\/1)[\s\S]*"total":1\}$/)
  expect(edge.events).toEqual([expect.objectContaining({ detection: 'RE1' })])
})

test('S5.1 who waits for our word before the body gets it when the rest of the request was found good', async () => {
  const put = (lines: string) => `PUT /api/cart/lines/${id} HTTP/1.1\r\nHost: localhost:24099\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 14\r\n${lines}\r\n{"quantity":1}`
  const tab = await edge.tab()
  expect((await edge.raw(put(`Origin: ${ORIGINS.web}\r\nX-CSRF-Token: ${(await tab.refresh()).csrfToken}\r\nCookie: ${tab.cookie()}\r\n`))).match(/HTTP\/1\.1 \d{3} /g)).toEqual(['HTTP/1.1 100 ', 'HTTP/1.1 200 '])
  expect((await edge.raw(put(''))).match(/HTTP\/1\.1 \d{3} /g)).toEqual(['HTTP/1.1 403 '])
})

test('a file that the browser has already is not sent again, however it says so', async () => {
  const { headers } = await edge.send('web', 'GET', '/assets/shop.css')
  for (const tag of [headers['etag'], `W/${String(headers['etag'])}`, `"other", ${String(headers['etag'])}`, '*']) expect((await edge.send('web', 'GET', '/assets/shop.css', { headers: { 'if-none-match': String(tag) } })).status, String(tag)).toBe(304)
  expect((await edge.send('web', 'GET', '/assets/shop.css', { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
})

test('S10.1 a session: the exact cookie, a CSRF token, and a sealed row under a hash', async () => {
  const { headers, json } = await edge.send('web', 'GET', '/api/session')
  const cookie = [headers['set-cookie']].flat()
  expect(cookie).toHaveLength(1)
  expect(cookie[0]).toMatch(new RegExp(`^${COOKIE}=[A-Za-z0-9_-]{64}; Path=/; Secure; HttpOnly; SameSite=Lax$`))
  expect(json).toEqual({ user: null, csrfToken: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) })
  const rows = JSON.stringify((await edge.store.query('select encode(hash, \'escape\') h, encode(sealed, \'escape\') s from sessions')).rows)
  expect(rows).not.toContain('guestId')
  expect(rows).not.toContain(cookie[0]!.slice(COOKIE.length + 1, COOKIE.length + 65))
})

test('S10.1 a session whose cookie never comes back is soon gone, one that is used stays, one that ended is swept', async () => {
  const minutes = async (cookie: string) => (await edge.store.query<{ m: number }>('select extract(epoch from expires_at - now())::float8 / 60 as m from sessions where hash = $1', [hashOfCookie(cookie)])).rows[0]?.m
  const cookie = [(await edge.send('web', 'GET', '/api/session')).headers['set-cookie']].flat()[0]!.split(';')[0]!
  expect(await minutes(cookie)).toBeLessThanOrEqual(30)
  await edge.send('web', 'GET', '/api/session', { headers: { cookie } })
  await vi.waitFor(async () => expect(await minutes(cookie)).toBeGreaterThan(1_400), { timeout: 5_000 })
  await edge.store.query(`update sessions set expires_at = now() - interval '1 second' where hash = $1`, [hashOfCookie(cookie)])
  await edge.sessions.sweep()
  expect(await minutes(cookie)).toBeUndefined()
  const { headers, json } = await edge.send('web', 'PUT', `/api/cart/lines/${id}`, { headers: { cookie, origin: ORIGINS.web, 'content-type': 'application/json' }, body: '{"quantity":1}' })
  expect(json).toMatchObject({ status: 401, code: 'session-ended' })
  expect(String(headers['set-cookie'])).toBe(`${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`)
})

test('S10.1 a row copied over another does not open', async () => {
  const [victim, thief] = [await edge.tab(), await edge.tab()]
  await edge.store.query('update sessions set sealed = (select sealed from sessions where hash = $1) where hash = $2', [hashOfCookie(victim.cookie()), hashOfCookie(thief.cookie())])
  expect(await thief.go('PUT', `/api/cart/lines/${id}`, { body: '{"quantity":1}' })).toMatchObject({ status: 401, json: { code: 'session-invalid' } })
  expect(edge.events).toContainEqual(expect.objectContaining({ detection: 'SE1', control: 'session' }))
})

const forged = (cookie: string) => cookie.slice(0, -1) + (cookie.endsWith('A') ? 'B' : 'A')
test.each([
  ['forged', (c: string) => forged(c), 401, 'session-invalid'], ['cut', (c: string) => c.slice(0, -4), 401, 'session-invalid'], ['empty', () => `${COOKIE}=`, 401, 'session-invalid'],
  ['twice', (c: string) => `${c}; ${c}`, 400, 'cookie-repeated'], ['other case', (c: string) => `${c}; ${c.replace('__Host', '__HOST')}`, 400, 'cookie-repeated'],
  ['unicode space', (c: string) => `${c}; \u00a0${c}`, 400, 'cookie-repeated'], ['quoted name', (c: string) => `${c}; "${COOKIE}"=x`, 400, 'cookie-repeated'],
])('S10.1 S1.2 refuses a session cookie that is %s', async (_what, change, status, code) => {
  const tab = await edge.tab()
  const res = await edge.send('web', 'GET', '/api/session', { headers: { cookie: change(tab.cookie()) } })
  expect(res).toMatchObject({ status, json: { code } })
  expect(edge.events).toEqual([expect.objectContaining({ detection: 'SE1', control: 'session' })])
})

test.each([
  ['no token', { origin: ORIGINS.web }], ['wrong token', { origin: ORIGINS.web, 'x-csrf-token': 'A'.repeat(43) }], ['no origin', { right: 'yes' }], ['null origin', { origin: 'null', right: 'yes' }],
  ['foreign origin', { origin: 'https://localhost:1', right: 'yes' }], ['same site only', { origin: ORIGINS.web, 'sec-fetch-site': 'same-site', right: 'yes' }],
])('S10.1 T1 nobody rides a session: %s', async (_what, { right, ...headers }: Record<string, string>) => {
  const tab = await edge.tab()
  const { csrfToken } = await tab.refresh()
  const path = `/api/cart/lines/${id}`
  const send = (more: Record<string, string>) => edge.send('web', 'PUT', path, { headers: { cookie: tab.cookie(), 'content-type': 'application/json', ...more }, body: '{"quantity":1}' })
  expect(await send({ ...headers, ...(right && { 'x-csrf-token': csrfToken }) })).toMatchObject({ status: 403, json: { code: 'csrf' } })
  expect(edge.calls).toEqual([])
  expect((await send({ origin: ORIGINS.web, 'x-csrf-token': csrfToken })).status).toBe(200)
})

test('S10.1 another visitor’s token does not fit', async () => {
  const [a, b] = [await edge.tab(), await edge.tab()]
  const { csrfToken } = await b.refresh()
  expect((await a.go('PUT', `/api/cart/lines/${id}`, { body: '{"quantity":1}', headers: { 'x-csrf-token': csrfToken } })).status).toBe(403)
})

test.each([
  ['other site reads', 'GET', '/api/session', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }, 403], ['other site frames', 'GET', '/api/session', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }, 403],
  ['other site links', 'GET', '/api/session', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, 200],
])('T1 resource isolation: %s', async (_what, method, path, headers, status) => {
  const res = await edge.send('web', method, path, { headers })
  expect(res.status).toBe(status)
  expect(res.headers).not.toHaveProperty('access-control-allow-origin')
})

test.each([
  ['__proto__', '{"quantity":1,"__proto__":{"x":1}}', 400], ['twice', '{"quantity":1,"quantity":2}', 400], ['unknown', '{"quantity":1,"price":0}', 400], ['string', '{"quantity":"1"}', 400], ['huge', '{"quantity":1e400}', 400],
  ['BOM', '\ufeff{"quantity":1}', 400], ['trailing', '{"quantity":1} x', 400], ['too large', `{"quantity":1,"x":"${'x'.repeat(70_000)}"}`, 413],
])('S5.1 T1 strict JSON: %s', async (_what, body, status) => {
  const tab = await edge.tab()
  expect((await tab.go('PUT', `/api/cart/lines/${id}`, { body })).status).toBe(status)
  expect(edge.calls).toEqual([])
})

test('T1 other media types and encodings are refused', async () => {
  const tab = await edge.tab()
  const put = (headers: Record<string, string>) => tab.go('PUT', `/api/cart/lines/${id}`, { body: '{"quantity":1}', headers })
  expect(await put({ 'content-type': 'text/plain' })).toMatchObject({ status: 415, headers: { accept: 'application/json' } })
  expect((await put({ 'content-encoding': 'gzip' })).status).toBe(415)
  expect((await put({ 'content-type': 'application/json; charset=utf-16' })).status).toBe(415)
})

test('S2.1 what is for customers or sellers is refused to visitors, by problem or by the way to sign in', async () => {
  expect(await edge.send('web', 'GET', '/api/orders')).toMatchObject({ status: 401, json: { code: 'sign-in-required' } })
  expect(await edge.send('web', 'GET', '/api/orders?page=2', { headers: { accept: 'text/html' } })).toMatchObject({ status: 303, headers: { location: '/login?return=%2Fapi%2Forders%3Fpage%3D2' } })
  expect(edge.calls).toEqual([])
})

test('G4 mobile reads the catalog without a token and takes none', async () => {
  expect((await edge.send('mobile', 'GET', `/api/products/${id}`)).status).toBe(200)
  expect(await edge.send('mobile', 'GET', '/api/products', { headers: { authorization: 'Bearer a.b.c' } })).toMatchObject({ status: 401, json: { code: 'token-not-accepted' } })
  const tab = await edge.tab()
  expect(await edge.send('mobile', 'GET', '/api/cart', { headers: { cookie: tab.cookie() } })).toMatchObject({ status: 404, json: { code: 'operation-unknown' } })
  expect(Object.keys((await edge.send('mobile', 'GET', '/openapi.json')).json.paths)).not.toContain('/api/cart')
})

test('S4.2 S1.3 partners: certificate and key, of the same client', async () => {
  const of = async (mesh: TestEdge['partners'], name: string) => { const { key, certificate } = (await mesh.identity(name, { uri: `https://partner.example/${name}` })).mesh(); return edge.agent({ key, cert: certificate }) }
  const acme = await of(edge.partners, 'acme')
  const ask = (dispatcher: Awaited<ReturnType<typeof of>> | undefined, key?: string) => edge.send('partner', 'GET', '/api/products', { ...(dispatcher && { dispatcher }), headers: key ? { 'api-key': key } : {} })
  expect(await ask(undefined, API_KEY)).toMatchObject({ status: 401, json: { code: 'client-certificate-required' } })
  const { createTestMesh } = await import('@shop/chassis/test-mesh.ts')
  expect(await ask(await of(await createTestMesh(), 'acme'), API_KEY)).toMatchObject({ status: 401, json: { code: 'client-certificate-required' } })
  expect(await ask(acme)).toMatchObject({ status: 401, json: { code: 'api-key-invalid' } })
  expect(await ask(acme, `${API_KEY}2`)).toMatchObject({ status: 403, json: { code: 'key-not-for-client' } })
  expect((await ask(acme, API_KEY)).status).toBe(200)
  expect(await edge.send('mobile', 'GET', '/api/products', { headers: { 'api-key': API_KEY } })).toMatchObject({ status: 200 })
})

test('G3 the provider’s event passes as the bytes it came as, from the edge itself', async () => {
  const body = '{ "type":"payment.captured",  "data": {"id":"p1"} }'
  const headers = { 'content-type': 'application/json', 'provider-signature': `t=1700000000,v1=${'a'.repeat(64)}` }
  expect((await edge.send('web', 'POST', '/api/payment-events', { headers, body })).status).toBe(204)
  expect(edge.calls[0]).toMatchObject({ callee: 'billing', subject: { kind: 'self' }, headers: { 'provider-signature': headers['provider-signature'], 'content-type': 'application/json' } })
  expect(JSON.parse(edge.calls[0]!.body!.toString())).toEqual({ payload: body })
  expect((await edge.send('web', 'POST', '/api/payment-events', { headers: { ...headers, origin: ORIGINS.web }, body })).status).toBe(403)
  expect((await edge.send('web', 'POST', '/api/payment-events', { headers, body: `{"x":"${'x'.repeat(17_000)}"}` })).status).toBe(413)
})

test('S8.1 S8.2 a source has one bucket, whatever it claims', async () => {
  const small = await startEdge({ services, limit: { perSecond: 0.001, burst: 3 } })
  try {
    const statuses = []
    for (const claim of ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4']) statuses.push(await small.send('web', 'GET', `/api/products?search=${claim}`, { headers: { 'x-forwarded-for': claim } }))
    expect(statuses.map((s) => s.status)).toEqual([200, 200, 200, 429])
    expect(statuses[3]!.headers).toMatchObject({ 'retry-after': expect.stringMatching(/^\d+$/), ratelimit: expect.stringContaining('r=0') })
  } finally {
    await small.close()
  }
})

test('S4.1 a service that is away is a problem without its name', async () => {
  const { Unavailable } = await import('@shop/chassis/problem.ts')
  const away = await startEdge({ services: { 'catalog.getProduct': () => { throw Unavailable({ detail: 'catalog at 10.0.0.7 is failing' }) }, 'catalog.listProducts': () => answer(200, { surprise: true }) } })
  try {
    const res = await away.send('web', 'GET', `/api/products/${randomUUID()}`)
    expect(res).toMatchObject({ status: 503, json: { code: 'unavailable' }, headers: { 'retry-after': '1' } })
    expect(res.text).not.toMatch(/catalog|10\.0/)
    expect(await away.send('web', 'GET', '/api/products')).toMatchObject({ status: 502, json: { code: 'response-not-declared' } })
    expect((await away.send('web', 'GET', '/nowhere', { headers: { accept: 'text/html' } })).text).toContain('<h1>')
  } finally {
    await away.close()
  }
})

test('S2.3 what a rule does not allow is refused as such, not as a fault of the shop', async () => {
  const { PolicyDenied } = await import('../upstream/narrow-token.ts')
  const stricter = await startEdge({ services: { 'catalog.listProducts': () => { throw PolicyDenied() } } })
  try {
    expect(await stricter.send('web', 'GET', '/api/products')).toMatchObject({ status: 403, json: { code: 'role-not-allowed' } })
  } finally {
    await stricter.close()
  }
})

const hashOfCookie = (cookie: string) => hashOf(cookie.slice(COOKIE.length + 1))
