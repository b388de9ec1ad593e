/** Below the controls: handshakes, framing, taking over, and other identities at a listed address. */
import { connect as tcp } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { billingApi, createTestSystem } from './test-system.ts'

const ORDER = '7b0c7a52-5f3e-4b7e-9d5a-0d1a5a3c9f10'
const invoice = `/orders/${ORDER}/invoice`
let system: Awaited<ReturnType<typeof createTestSystem>>
let billing: Awaited<ReturnType<typeof system.start>>
const callers = { order: ['authorizePayment', 'findByOrder', 'addNote'] }
const toBilling = { billing: { kind: 'mesh' as const, operations: ['authorizePayment', 'findByOrder', 'addNote'], api: billingApi } }
beforeAll(async () => {
  system = await createTestSystem()
  billing = await system.start('billing', { port: 26_030, callers })
})
afterAll(() => system.close())

const tls = async (as?: string, options = {}) => {
  const own = as && (await system.identity(as)).mesh()
  return connect({ host: '127.0.0.1', port: 26_030, ca: system.mesh.roots, ...(own && { key: own.key, cert: own.certificate }), checkServerIdentity: () => undefined, ...options })
}
/** All bytes the server sends until it closes; or for as long as `wanted` is not there. */
const exchange = (socket: ReturnType<typeof tcp>, bytes: string) => new Promise<string>((resolve) => {
  let got = ''
  socket.on('data', (c) => { got += String(c) }).on('error', () => {}).on('close', () => resolve(got))
  socket.write(bytes)
})

test('S2.6 without a client certificate not one byte of HTTP is answered, and it is told', async () => {
  expect(await exchange(await tls(), 'GET /health HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('')
  expect(await system.eventWhere((d) => d.detection === 'MTLS-REJECT')).toMatchObject({ address: '127.0.0.1', code: 'handshake-refused', reason: expect.stringMatching(/CERTIFICATE/) })
  expect(await exchange(tcp(26_030, '127.0.0.1'), 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')).not.toContain('HTTP/1.1 200')
})

test('S4.2 TLS 1.2 is refused', async () => {
  const socket = await tls('order', { maxVersion: 'TLSv1.2' })
  expect(await exchange(socket, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')).toBe('')
})

const line = `GET ${invoice} HTTP/1.1\r\nhost: billing\r\n`
test.each([
  ['two lengths', `POST ${invoice} HTTP/1.1\r\nhost: b\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a length twice', `POST ${invoice} HTTP/1.1\r\nhost: b\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello`],
  ['a signed length', `POST ${invoice} HTTP/1.1\r\nhost: b\r\ncontent-length: +5\r\n\r\nhello`],
  ['an obfuscated encoding', `POST ${invoice} HTTP/1.1\r\nhost: b\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['chunked twice', `POST ${invoice} HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['a space before the colon', `${line}x-a : b\r\n\r\n`],
  ['a folded line', `${line}x-a: b\r\n c\r\n\r\n`],
  ['bare line feeds', `GET ${invoice} HTTP/1.1\nhost: b\n\n`],
  ['HTTP/1.0', `GET ${invoice} HTTP/1.0\r\nhost: b\r\nconnection: keep-alive\r\n\r\n`],
  ['an absolute target', 'GET http://127.0.0.1:8500/v1/agent HTTP/1.1\r\nhost: b\r\n\r\n'],
  ['CONNECT', 'CONNECT 127.0.0.1:8500 HTTP/1.1\r\nhost: b\r\n\r\n'],
  ['an upgrade', `${line}connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n`],
  ['h2c', `${line}connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n`],
  ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['an expectation', `POST ${invoice} HTTP/1.1\r\nhost: b\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n`],
  ['another expectation', `POST ${invoice} HTTP/1.1\r\nhost: b\r\nexpect: more\r\ncontent-length: 5\r\n\r\n`],
  ['a hop list', `${line}connection: close, authorization\r\n\r\n`],
  ['no host', `GET ${invoice} HTTP/1.1\r\n\r\n`],
  ['two hosts', `${line}host: other\r\n\r\n`],
  ['a header larger than all', `${line}x-a: ${'a'.repeat(20_000)}\r\n\r\n`],
])('S5.1 %s gets one refusal and a closed connection', async (_name, bytes) => {
  const before = billing.seen.length
  const token = system.narrow({ audience: 'billing', scope: 'findByOrder', caller: 'order', thumbprint: await system.thumbprint('order') })
  const smuggled = `${line}authorization: Bearer ${token}\r\n\r\n`
  const got = await exchange(await tls('order'), bytes + smuggled)
  for (let i = 0; i < 5; i++) await turn()
  expect(got.match(/HTTP\/1\.1 \d+/g)?.filter((s) => /[23]\d\d$/.test(s)) ?? []).toEqual([])
  expect(got.match(/HTTP\/1\.1 4\d\d/g)).toHaveLength(1)
  expect(billing.seen.length).toBe(before)
})
test.each([
  ['a second request', 'request behind an unanswered one', (good: string) => good],
  ['what is no request', 'HPE_', () => 'nonsense\r\n\r\n'],
])('S5.1 %s behind a good one: that one is answered, nothing else, and the connection ends', async (_name, reason, second) => {
  const before = billing.seen.length
  const token = system.narrow({ audience: 'billing', scope: 'findByOrder', caller: 'order', thumbprint: await system.thumbprint('order') })
  const good = `${line}authorization: Bearer ${token}\r\n\r\n`
  const got = await exchange(await tls('order'), good + second(good))
  expect(got.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200'])
  expect(got).toContain('2026-000001')
  expect(billing.seen.length).toBe(before + 1)
  expect(await system.eventWhere((d) => d.detection === 'FRAMING' && !!d.reason?.startsWith(reason))).toBeTruthy()
})
test('S5.1 the framing refusals were told', async () => {
  expect(await system.eventWhere((d) => d.detection === 'FRAMING' && d.address === '127.0.0.1')).toBeTruthy()
})

test('S7.2 an address where someone else answers is not used, and the honest instance serves', async () => {
  let reached = 0
  const impostor = await system.serve('shipping', (_req, res) => { reached++; res.end('mine') })
  system.register('billing', { id: 'billing-1', port: 26_030 }, { id: 'billing-2', port: impostor })
  const order = await system.start('order', { port: 26_031, outbound: toBilling })
  billing.app.handler = (call, res) => (call.method === 'GET' ? res.writeHead(200, { 'content-type': 'application/json' }).end('{"number":"1"}') : res.writeHead(204).end())
  for (let i = 0; i < 10; i++) {
    expect(await order.out('billing', 'GET', invoice)).toMatchObject({ status: 200 })
    expect(await order.out('billing', 'POST', `/orders/${ORDER}/note`, { headers: { 'content-type': 'application/json' }, body: '{}' })).toMatchObject({ status: 204 })
  }
  expect(reached).toBe(0)
  expect(await system.eventWhere((d) => d.code === 'peer-mismatch')).toMatchObject({ detection: 'MTLS-REJECT', subject: 'billing', address: `127.0.0.1:${impostor}` })
  system.register('billing', { id: 'billing-2', port: impostor })
  await expect.poll(async () => (await order.out('billing', 'GET', invoice)).body.code).toMatch(/peer-mismatch|unavailable/)
  expect(reached).toBe(0)
})

test('S3.2 with the registry away the last list stays', async () => {
  system.register('billing', { id: 'billing-1', port: 26_030 })
  const order = await system.start('order', { port: 26_032, outbound: toBilling })
  system.page.isDown = true
  for (const wake of system.waiting) wake()
  system.waiting.clear()
  for (let i = 0; i < 5; i++) expect((await order.out('billing', 'GET', invoice)).status).toBe(200)
  system.page.isDown = false
  system.register('billing')
  await expect.poll(async () => (await order.out('billing', 'GET', invoice)).status, { timeout: 5_000 }).toBe(503)
})

test('S6.1 a callee that keeps failing is answered for at once, with Retry-After, and its other operations go on', async () => {
  system.register('billing', { id: 'billing-1', port: 26_030 })
  const order = await system.start('order', { port: 26_033, outbound: toBilling })
  billing.app.handler = (call, res) => (call.method === 'GET' ? res.writeHead(500, { 'content-type': 'application/problem+json' }).end('{}') : res.writeHead(204).end())
  const asked = billing.seen.length
  const answers = []
  for (let i = 0; i < 12; i++) answers.push(await order.out('billing', 'GET', invoice))
  expect(billing.seen.length - asked).toBe(5)
  expect(answers.at(-1)).toMatchObject({ status: 503, body: { code: 'unavailable' }, headers: { 'retry-after': expect.stringMatching(/^\d$/) } })
  expect(await order.out('billing', 'POST', `/orders/${ORDER}/note`, { headers: { 'content-type': 'application/json' }, body: '{}' })).toMatchObject({ status: 204 })
  billing.app.handler = (_call, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"number":"1"}')
  await expect.poll(async () => (await order.out('billing', 'GET', invoice)).status, { timeout: 4_000 }).toBe(200)
})

test('S7.1 S6.1 when one instance of two stands without its service, its calls go to the other: reads, and writes that were never begun', async () => {
  const other = await system.start('billing', { port: 26_037, callers })
  system.register('billing', { id: 'billing-1', port: 26_030 }, { id: 'billing-2', port: 26_037 })
  const order = await system.start('order', { port: 26_038, outbound: toBilling })
  const ok: typeof billing.app.handler = (call, res) => (call.method === 'GET' ? res.writeHead(200, { 'content-type': 'application/json' }).end('{"number":"1"}') : res.writeHead(204).end())
  billing.app.handler = ok
  other.app.handler = (_call, res) => res.destroy() // dies over a call: only a read may be done again
  for (let i = 0; i < 6; i++) expect(await order.out('billing', 'GET', invoice)).toMatchObject({ status: 200 })
  const write = { headers: { 'content-type': 'application/json' }, body: '{}' }
  other.service.closeAllConnections()
  await new Promise((resolve) => other.service.close(resolve)) // and now nobody listens
  for (let i = 0; i < 10; i++) {
    expect(await order.out('billing', 'GET', invoice)).toMatchObject({ status: 200 })
    expect(await order.out('billing', 'POST', `/orders/${ORDER}/note`, write)).toMatchObject({ status: 204 })
  }
})

test('S9.1 a successor takes port and socket over without a failed call', async () => {
  system.register('billing', { id: 'billing-1', port: 26_034 })
  const first = await system.start('billing', { port: 26_034, callers })
  const order = await system.start('order', { port: 26_035, outbound: toBilling })
  const statuses: number[] = []
  let isOver = false
  const write = { headers: { 'content-type': 'application/json' }, body: '{}' }
  const stream = Promise.all(Array.from({ length: 4 }, async () => {
    while (!isOver) statuses.push((await order.out('billing', 'GET', invoice)).status, (await order.out('billing', 'POST', `/orders/${ORDER}/note`, write)).status)
  }))
  const ok: typeof billing.app.handler = (call, res) => void setTimeout(() => (call.method === 'POST' ? res.writeHead(204).end() : res.writeHead(200, { 'content-type': 'application/json' }).end('{"number":"1"}')), 5)
  first.app.handler = ok
  await expect.poll(() => statuses.length).toBeGreaterThan(20)
  const second = await system.start('billing', { port: 26_034, callers, suffix: 'b' })
  second.app.handler = ok
  await first.gateway.stop(300)
  const before = second.seen.length
  await expect.poll(() => second.seen.length).toBeGreaterThan(before + 20)
  isOver = true
  await stream
  expect(new Set(statuses)).toEqual(new Set([200, 204]))
})

test('S4.3 no answer reaches another request, whatever is aborted in between', async () => {
  system.register('billing', { id: 'billing-1', port: 26_030 })
  const order = await system.start('order', { port: 26_036, outbound: toBilling })
  billing.app.handler = (call, res) => {
    const tag = call.path.split('/')[2]!
    const answer = () => res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ number: tag }))
    if (tag.startsWith('a')) setTimeout(answer, 30) // longer than its caller waits
    else if (tag.startsWith('b')) res.destroy()
    else answer()
  }
  const ids = Array.from({ length: 600 }, (_, i) => `${'0123456789abcdef'[i % 16]}${String(i).padStart(7, '0')}-0000-4000-8000-000000000000`)
  const answers = await Promise.all(ids.map(async (tag) => ({ tag, ...(await order.out('billing', 'GET', `/orders/${tag}/invoice`, { headers: tag.startsWith('a') ? { 'deadline-ms': '10' } : {} })) })))
  for (const { tag, status, body } of answers) {
    if (status === 200) expect(body.number).toBe(tag)
    else expect(tag).toMatch(/^[ab]/)
  }
  expect(answers.filter((a) => a.status === 200).length).toBeGreaterThan(500)
})
