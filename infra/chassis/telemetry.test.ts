import { randomBytes } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { problem } from './problem.ts'
import type { SecurityEvent } from './security-event.ts'
import { ATTRIBUTES, BATCH, CAPACITY, createTelemetry, httpSpan, type SpanNote, type Writer } from './telemetry.ts'
import { childOf, newTrace } from './trace.ts'

const detail = () => httpSpan('server', 'GET', '/products/{productId}', 200, undefined)

function setUp({ status = async () => 200, load }: { status?: () => Promise<number>; load?: () => Promise<Writer> } = {}) {
  const sent: any[] = []
  const told: SecurityEvent['data'][] = []
  const telemetry = createTelemetry({
    process: 'order-1-gateway', workload: 'order', version: '3', report: (data) => void told.push(data), ...(load && { load }),
    send: async (body) => { const answer = await status(); if (answer < 300) sent.push(JSON.parse(Buffer.from(body).toString())); return answer },
  })
  return { telemetry, sent, told, spans: () => sent.flatMap((body) => body.resourceSpans.flatMap((r: any) => r.scopeSpans.flatMap((s: any) => s.spans))) }
}
const attributesOf = (span: any) => Object.fromEntries(span.attributes.map(({ key, value }: any) => [key, Object.values(value)[0]]))

test('S12.4 an unsampled trace is not even described, and loads no SDK', async () => {
  const load = vi.fn(), describe = vi.fn(detail)
  const { telemetry, sent } = setUp({ load: load as never })
  for (let i = 0; i < 1_000; i++) telemetry.record(newTrace(false), performance.now(), describe)
  telemetry.record(null, performance.now(), describe)
  await telemetry.close()
  expect([describe.mock.calls.length, load.mock.calls.length, sent.length]).toEqual([0, 0, 0])
})

test('S13.5 a sampled trace is one tree in OTLP: given ids, kind, times, status, whose it is', async () => {
  const { telemetry, sent, spans } = setUp()
  const root = newTrace(true), child = childOf(root)
  const before = Date.now(), startedAt = performance.now()
  telemetry.record(child, startedAt - 5, () => httpSpan('client', 'GET', '/products', 503, undefined, { 'server.address': 'catalog', 'shop.token_ms': 1.5 }))
  telemetry.record(root, startedAt - 9, detail)
  await telemetry.close()
  const [inner, outer] = spans()
  expect(outer).toMatchObject({ traceId: root.traceId, spanId: root.spanId, name: 'GET /products/{productId}', kind: 2, status: { code: 0 } })
  expect(outer.parentSpanId).toBeUndefined()
  expect(inner).toMatchObject({ traceId: root.traceId, spanId: child.spanId, parentSpanId: root.spanId, name: 'GET /products', kind: 3, status: { code: 2 } })
  expect(attributesOf(inner)).toEqual({ 'http.request.method': 'GET', 'http.route': '/products', 'http.response.status_code': 503, 'error.type': '503', 'server.address': 'catalog', 'shop.token_ms': 1.5 })
  const ms = Number(BigInt(inner.endTimeUnixNano) - BigInt(inner.startTimeUnixNano)) / 1e6
  expect(ms).toBeGreaterThanOrEqual(5)
  expect(Math.abs(Number(BigInt(inner.startTimeUnixNano) / 1_000_000n) - before)).toBeLessThan(1_000)
  expect(attributesOf(sent[0].resourceSpans[0].resource)).toEqual({ 'service.name': 'order', 'service.instance.id': 'order-1-gateway', 'service.version': '3' })
})

test('S12.4-a what the list does not name is not sent, and no text is long', async () => {
  const { telemetry, sent, spans } = setUp()
  const canary = randomBytes(12).toString('hex')
  const leak = { 'http.request.header.authorization': canary, 'url.query': canary, 'enduser.id': canary, 'shop.operation': 'x'.repeat(500), 'http.route': { canary } }
  telemetry.record(newTrace(true), 0, () => ({ ...detail(), name: 'n'.repeat(500), attributes: leak as never }))
  await telemetry.close()
  expect(JSON.stringify(sent)).not.toContain(canary)
  expect(attributesOf(spans()[0])).toEqual({ 'shop.operation': 'x'.repeat(128) })
  expect(spans()[0].name).toHaveLength(128)
  expect(ATTRIBUTES.filter((name) => /header|query|cookie|body|user|card|name$/.test(name))).toEqual(['messaging.destination.name'])
})

test('a method that nobody knows is no label', () => {
  expect(httpSpan('server', 'PROPFIND', undefined, 405, undefined)).toMatchObject({ name: '_OTHER', attributes: { 'http.request.method': '_OTHER' } })
})

test('a refusal names its problem and the control that refused, never what was refused', () => {
  const Refused = problem('token-invalid', 401, 'No', 'Sign in')
  const failure = Refused({ detail: 'secret', evidence: { reason: 'secret' } })
  failure.control = { name: 'verify-token', strategies: ['S2.4'] }
  const span = httpSpan('server', 'GET', '/cart', 401, failure)
  expect(span).toMatchObject({ isError: false, attributes: { 'error.type': 'token-invalid', 'shop.control': 'verify-token' } })
  expect(JSON.stringify(span)).not.toContain('secret')
  expect(httpSpan('client', 'GET', '/cart', undefined, new Error('secret'))).toMatchObject({ isError: true, attributes: { 'error.type': 'internal' } })
})

test('S12.4-a with the monitor away the queue stays bounded, requests do not wait, and the loss is an event', async () => {
  const notes: SpanNote[] = []
  let isAway = true
  const { telemetry, told } = setUp({ status: async () => { if (isAway) throw new Error('away'); return 200 }, load: async () => (batch) => { if (!isAway) notes.push(...batch); return new TextEncoder().encode('{"resourceSpans":[]}') } })
  for (let i = 0; i < CAPACITY + 100; i++) telemetry.record(newTrace(true), performance.now(), detail)
  await telemetry.close(50)
  expect([notes.length, told.length]).toEqual([0, 0])
  isAway = false
  await telemetry.close(5_000)
  expect(notes).toHaveLength(CAPACITY)
  expect(told).toMatchObject([{ code: 'spans-dropped', detection: 'OVERLOAD', reason: expect.stringContaining('100 spans') }])
})

test('S13.5 full batches leave at once; what comes while one is under way waits for company', async () => {
  const sizes: number[] = []
  let answer = (_status: number): void => {}
  const { telemetry } = setUp({ status: () => new Promise<number>((resolve) => { answer = resolve }), load: async () => (batch) => { sizes.push(batch.length); return new TextEncoder().encode('{"resourceSpans":[]}') } })
  const record = (count: number) => { for (let i = 0; i < count; i++) telemetry.record(newTrace(true), performance.now(), detail) }
  record(BATCH)
  await expect.poll(() => sizes).toEqual([BATCH])
  record(BATCH + 5)
  answer(200)
  await expect.poll(() => sizes).toEqual([BATCH, BATCH])
  answer(200)
  await expect.poll(() => sizes, { timeout: 3_000 }).toEqual([BATCH, BATCH, 5])
  answer(200)
  await telemetry.close()
})

test.each([
  ['the monitor refuses them', { status: async () => 400 }],
  ['the SDK cannot be loaded', { load: async () => { throw new Error('not there') } }],
])('spans are counted as lost when %s', async (_why, parts) => {
  const { telemetry, told } = setUp(parts)
  telemetry.record(newTrace(true), performance.now(), detail)
  await telemetry.close()
  expect(told).toMatchObject([{ code: 'spans-dropped', reason: expect.stringContaining('1 spans') }])
})
