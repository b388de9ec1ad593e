import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { billingApi, createTestSystem, id, sha } from './test-system.ts'

const ORDER = '7b0c7a52-5f3e-4b7e-9d5a-0d1a5a3c9f10'
let system: Awaited<ReturnType<typeof createTestSystem>>
let order: Awaited<ReturnType<typeof system.start>>
let billing: typeof order

const toBilling = { billing: { kind: 'mesh' as const, operations: ['authorizePayment', 'findByOrder'], api: billingApi } }
const invoice = `/orders/${ORDER}/invoice`
const payment = { headers: { 'content-type': 'application/json', 'idempotency-key': 'k1' }, body: '{"amountMinor":100}' }

beforeAll(async () => {
  system = await createTestSystem()
  billing = await system.start('billing', { port: 26_001, callers: { order: ['authorizePayment', 'findByOrder'], edge: ['findByOrder'] } })
  system.register('billing', { id: 'billing-1', port: 26_001 })
  order = await system.start('order', { port: 26_002, outbound: toBilling })
})
afterAll(() => system.close())

test('S12.5 a call leaves through one gateway, gets a token of its own, and arrives through the other', async () => {
  billing.app.handler = (_call, res) => res.writeHead(200, { 'content-type': 'application/json', etag: '"1"', 'x-powered-by': 'Express' }).end('{"number":"2026-000001"}')
  const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  const answer = await order.out('billing', 'GET', invoice, { headers: { traceparent: trace, 'deadline-ms': '900', 'x-secret': 'stays' } })
  expect(answer).toMatchObject({ status: 200, body: { number: '2026-000001' } })
  expect(answer.headers['etag']).toBe('"1"')
  expect(answer.headers['x-powered-by']).toBeUndefined()
  expect(await system.eventWhere((d) => d.code === 'response-header-dropped')).toMatchObject({ detection: 'IE7', control: 'response-headers', subject: id('billing'), fields: ['x-powered-by'], operation: 'findByOrder' })
  const { headers } = billing.seen.at(-1)!
  expect(headers['traceparent']).toMatch(/^00-a{32}-(?!b{16})[0-9a-f]{16}-01$/)
  const [, , ours] = headers['traceparent']!.toString().split('-')
  const spans = await system.spansOf('a'.repeat(32), 2)
  const client = spans.find(({ kind }) => kind === 3)!, server = spans.find(({ kind }) => kind === 2)!
  expect([client.parentSpanId, server.parentSpanId, server.spanId]).toEqual(['b'.repeat(16), client.spanId, ours])
  expect(Number(headers['deadline-ms'])).toBeLessThan(900)
  expect(headers['x-secret']).toBeUndefined()
  expect(JSON.parse(Buffer.from(headers.authorization!.split('.')[1]!, 'base64url').toString())).toMatchObject({ aud: id('billing'), scope: 'findByOrder', act: { sub: id('order') } })
})

test('S12.5 tokens for reads are kept, tokens for writes never', async () => {
  billing.app.handler = (call, res) => res.writeHead(200, { 'content-type': 'application/json' }).end(call.method === 'GET' ? '{"number":"1"}' : '{"status":"authorized"}')
  const before = system.asked.length
  await order.out('billing', 'GET', invoice)
  await order.out('billing', 'GET', invoice)
  expect(system.asked.length - before).toBeLessThanOrEqual(1)
  const own = system.asked.length
  for (let i = 0; i < 2; i++) expect(await order.out('billing', 'PUT', `/payments/${ORDER}`, payment)).toMatchObject({ status: 200, body: { status: 'authorized' } })
  expect(system.asked.length - own).toBe(2)
})

test('S12.5 the token a service was called with is exchanged, and never leaves', async () => {
  const token = 'aaaa.bbbb.cccc'
  await order.out('billing', 'GET', invoice, { headers: { authorization: `Bearer ${token}` } })
  expect(system.asked.at(-1)!.get('subject_token')).toBe(token)
  expect(billing.seen.at(-1)!.headers.authorization).not.toContain(token)
})

test.each([
  [{ status: 400, body: { error: 'invalid_grant', code: 'subject-expired' } }, 401, 'token-expired'],
  [{ status: 400, body: { error: 'invalid_grant', code: 'subject-signature' } }, 401, 'token-invalid'],
  [{ status: 403, body: { error: 'access_denied' } }, 403, 'exchange-denied'],
  [{ status: 503, body: { error: 'temporarily_unavailable' } }, 503, 'unavailable'],
])('S12.5 what the exchange refuses with %j is %i %s', async (refuse, status, code) => {
  system.exchangeState.refuse = refuse
  try {
    expect(await order.out('billing', 'GET', `/orders/${randomUUID()}/invoice`, { headers: { authorization: `Bearer aa.bb.${code}` } })).toMatchObject({ status, body: { code } })
  } finally {
    system.exchangeState.refuse = null
  }
})

test('S13.2 a callee or operation that policy does not name cannot be called, and that is told', async () => {
  for (const [callee, path] of [['shipping', '/x'], ['billing', '/nothing'], ['billing', `/orders/${ORDER}/note`], ['127.0.0.1:26001', invoice]] as const)
    expect(await order.out(callee, 'POST', path, payment)).toMatchObject({ status: 403, body: { code: 'mesh-denied' } })
  expect(await system.eventWhere((d) => d.control === 'callee-policy')).toMatchObject({ detection: 'MESH-DENY', subject: id('order') })
  expect(await system.eventWhere((d) => d.control === 'callee-policy' && d.reason === `policy names no POST /orders/${ORDER}/note of billing`)).toMatchObject({ strategies: ['S13.1', 'S13.2'] })
})

// What each control refuses, attacked from inside the mesh with a real certificate.
const attack = async (claims: object, { audience = 'billing', scope = 'findByOrder', caller = 'order' as string, bound = caller as string, method = 'GET', path = invoice, options = {} as object } = {}) => {
  const token = system.narrow({ audience, scope, caller, thumbprint: await system.thumbprint(bound), claims })
  return system.direct(caller, 26_001, { method, path, headers: { authorization: `Bearer ${token}` }, ...options })
}
test('the honest twin of the attacks below passes', async () => {
  billing.app.handler = (_call, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"number":"1"}')
  expect(await attack({})).toMatchObject({ status: 200 })
})
test.each([
  ['S2.5 another audience', 401, 'audience-mismatch', 'check-audience', 'TOKEN-INVALID', { audience: 'shipping' }],
  ['S2.5 our audience among others', 401, 'audience-mismatch', 'check-audience', 'TOKEN-INVALID', { claims: { aud: [id('billing')] } }],
  ['S2.5 another operation', 403, 'scope-insufficient', 'check-scope', 'TOKEN-INVALID', { scope: 'authorizePayment' }],
  ['S2.5 another workload\'s token', 401, 'token-not-bound', 'check-binding', 'TOKEN-BIND', { bound: 'edge' }],
  ['S2.5 a token without binding', 401, 'token-not-bound', 'check-binding', 'TOKEN-BIND', { claims: { cnf: undefined } }],
  ['S13.1 a chain that was here before', 508, 'chain-refused', 'check-chain', 'MESH-DENY', { claims: { act: { sub: id('order'), act: { sub: id('billing') } } } }],
  ['S4.2 a pair that policy does not name', 403, 'mesh-denied', 'pair-policy', 'MESH-DENY', { caller: 'shipping' }],
  ['S13.1 an operation that is not the pair\'s', 403, 'mesh-denied', 'pair-policy', 'MESH-DENY', { caller: 'edge', scope: 'authorizePayment', method: 'PUT', path: `/payments/${ORDER}`, options: payment }],
  ['S13.1 no such operation', 403, 'mesh-denied', 'pair-policy', 'MESH-DENY', { path: '/admin' }],
  ['S2.4 another issuer', 401, 'token-invalid', 'verify-token', 'TOKEN-INVALID', { claims: { iss: 'https://exchange.other.test' } }],
  ['S1.5 a token that ran out', 401, 'token-expired', 'verify-token', 'TOKEN-INVALID', { claims: { exp: Math.floor(Date.now() / 1000), iat: Math.floor(Date.now() / 1000) - 60 } }],
  ['S1.5 a token that lives too long', 401, 'token-expired', 'verify-token', 'TOKEN-INVALID', { claims: { exp: Math.floor(Date.now() / 1000) + 3_600 } }],
] as const)('%s is refused with %i %s and told', async (_name, status, code, control, detection, { claims = {}, ...options }: { claims?: object } & Record<string, any>) => {
  const before = billing.seen.length
  const answer = await attack(claims, options)
  expect(answer).toMatchObject({ status, body: { code } })
  expect(billing.seen.length).toBe(before)
  expect(await system.eventWhere((d) => d.traceId === answer.body.traceId)).toMatchObject({ control, detection, subject: id(options['caller'] ?? 'order'), address: '127.0.0.1' })
})

test('S1.1 no token, and one that is none', async () => {
  expect(await system.direct('order', 26_001, { method: 'GET', path: invoice })).toMatchObject({ status: 401, body: { code: 'token-required' } })
  expect(await system.direct('order', 26_001, { method: 'GET', path: invoice, headers: { authorization: 'Bearer a.b.c' } })).toMatchObject({ status: 401, body: { code: 'token-invalid' } })
})

test('S1.1 one of a hundred parallel uses of a single-use token passes, the rest are told', async () => {
  billing.app.handler = (_call, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"authorized"}')
  const token = system.narrow({ audience: 'billing', scope: 'authorizePayment', caller: 'order', thumbprint: await system.thumbprint('order') })
  const before = billing.seen.length
  const answers = await Promise.all(Array.from({ length: 20 }, () => system.direct('order', 26_001, { method: 'PUT', path: `/payments/${ORDER}`, ...payment, headers: { ...payment.headers, authorization: `Bearer ${token}` } })))
  expect(answers.filter((a) => a.status === 200)).toHaveLength(1)
  expect(answers.filter((a) => a.body.code === 'token-used')).toHaveLength(19)
  expect(billing.seen.length - before).toBe(1)
  expect(await system.eventWhere((d) => d.code === 'token-used')).toMatchObject({ detection: 'TOKEN-REPLAY', credential: sha(token) })
})

test.each([
  ['a field too many', '{"amountMinor":1,"x":1}', 400, 'parameter-unexpected'],
  ['a wrong type', '{"amountMinor":"1"}', 400, 'input-invalid'],
  ['a key twice', '{"amountMinor":1,"amountMinor":2}', 400, 'body-malformed'],
  ['a body too large', `{"amountMinor":${'1'.repeat(600)}}`, 413, 'body-too-large'],
])('S5.1 %s does not reach the service', async (_name, body, status, code) => {
  const before = billing.seen.length
  expect(await order.out('billing', 'PUT', `/payments/${ORDER}`, { ...payment, body })).toMatchObject({ status, body: { code } })
  expect(billing.seen.length).toBe(before)
})

test.each([
  ['a field', (res: any) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"number":"1","card":"4111"}')],
  ['a status', (res: any) => res.writeHead(202).end()],
  ['a media type', (res: any) => res.writeHead(200, { 'content-type': 'text/html' }).end('<p>')],
  ['an answer without end', (res: any) => { res.writeHead(200, { 'content-type': 'application/json' }); const more = () => res.write('x'.repeat(1 << 20), () => setImmediate(more)); res.on('error', () => {}); more() }],
])('G7 %s that is not declared does not leave the service', async (_name, respond) => {
  billing.app.handler = (_call, res) => respond(res)
  const answer = await attack({})
  expect(answer).toMatchObject({ status: 502, body: { code: 'response-not-declared' } })
  expect(answer.text).not.toContain('4111')
  expect(await system.eventWhere((d) => d.traceId === answer.body.traceId)).toMatchObject({ detection: 'RE8' })
})

test('S6.1 an answer that does not come in time is 504, and the service is told to stop', async () => {
  let closed = false
  billing.app.handler = (_call, res) => void res.on('close', () => { closed = true })
  expect(await order.out('billing', 'GET', invoice, { headers: { 'deadline-ms': '150' } })).toMatchObject({ status: 504, body: { code: 'deadline-exceeded' } })
  await expect.poll(() => closed).toBe(true)
})

test('S3.6 health is for the registrar alone', async () => {
  billing.app.handler = (_call, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok","version":"1"}')
  expect(await system.direct('registrar', 26_001, { method: 'GET', path: '/health' })).toMatchObject({ status: 200, body: { status: 'ok' } })
  expect(await system.direct('order', 26_001, { method: 'GET', path: '/health' })).toMatchObject({ status: 403, body: { code: 'mesh-denied' } })
  expect(await system.direct('registrar', 26_001, { method: 'GET', path: invoice })).toMatchObject({ status: 403 })
})

test.each([
  ['another kind of certificate', { uri: 'spiffe://shop.test/data/order' }],
  ['another trust domain', { uri: 'spiffe://other.test/mesh/order' }],
  ['upper case', { uri: 'spiffe://shop.test/mesh/Order' }],
])('S4.2 %s is nobody', async (_name, options) => {
  const answer = await system.direct(await system.mesh.identity('order', options), 26_001, { method: 'GET', path: invoice })
  expect(answer).toMatchObject({ status: 403, body: { code: 'peer-unknown' } })
})
