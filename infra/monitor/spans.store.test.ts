/** Spans from the SDK over mutual TLS into real PostgreSQL, and out at the door. */
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { createControlApi } from '@shop/chassis/control-api.ts'
import { createLog } from '@shop/chassis/log.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { serveMesh, type MeshServer } from '@shop/chassis/mesh-server.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import type { SecurityEvent } from '@shop/chassis/security-event.ts'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { BATCH, httpSpan } from '@shop/chassis/telemetry.ts'
import { createTestMesh, type TestMesh } from '@shop/chassis/test-mesh.ts'
import { createMeshPool, type MeshPool } from '@shop/chassis/tls.ts'
import { childOf, newTrace } from '@shop/chassis/trace.ts'
import { testDatabase, type TestDatabase } from '@shop/deploy/backing/test-database.ts'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { doorHandlers } from './door.ts'
import type { EventStore } from './event-store.ts'
import { ingestHandlers } from './ingest.ts'
import { spanHandlers } from './ingest-spans.ts'
import { createQuota } from './producer.ts'
import { createSpanStore, type KeptSpan, type SpanStore } from './span-store.ts'
import type { Streams } from './stream.ts'

const INGEST = 25_014, DOOR = 25_015
const testerToken = 'a-tester-token-of-thirty-two-chars'
const log = createLog('test')
log.level = 'silent'
let database: TestDatabase, store: Store, spans: SpanStore, mesh: TestMesh, server: MeshServer, door: http.Server, order: MeshPool
let told: SecurityEvent['data'][] = []

beforeAll(async () => {
  database = await testDatabase([fileURLToPath(new URL('migrations', import.meta.url))])
  store = createStoreOn(database.config, log)
  spans = createSpanStore(store)
  mesh = await createTestMesh()
  const report = (detail: SecurityEvent['data']) => void told.push(detail)
  const events = { keep: async () => 0 } as unknown as EventStore
  const read = (file: string) => loadApi(readOpenApi(new URL(file, import.meta.url)))
  const common = { log, report, control: { name: 'span-authentication', strategies: ['S5.1'] }, subjectOf: () => undefined }
  const about = { trustDomain: mesh.trustDomain, report, now: Date.now }
  server = await serveMesh(createControlApi({
    ...common, api: read('openapi.yaml'),
    handlers: { ...ingestHandlers({ ...about, events, quota: createQuota(), tallies: new Map() }), ...spanHandlers({ ...about, spans, quota: createQuota({ perSecond: 1, burst: 300 }) }) },
  }), { port: INGEST, identity: await mesh.identity('monitor'), report })
  door = http.createServer(createControlApi({ ...common, api: read('door.openapi.yaml'), handlers: doorHandlers({ events, spans, streams: {} as Streams, tallies: new Map(), brand: 'Toy', testerToken, startedAt: '' }) }))
  await new Promise<void>((resolve) => door.listen(DOOR, resolve))
  order = createMeshPool(await mesh.identity('order'), `https://127.0.0.1:${INGEST}`, 'monitor')
})
afterAll(async () => {
  await order?.close()
  await server?.close()
  door?.closeAllConnections()
  await new Promise((resolve) => door.close(resolve))
  await store?.close()
  await database?.drop()
})
beforeEach(() => { told = [] })

const hex = (bytes: number) => randomBytes(bytes).toString('hex')
const nanos = (ms: number) => `${BigInt(Math.round(ms))}000000`
const span = (more: object = {}) => ({ traceId: hex(16), spanId: hex(8), name: 'GET /cart', kind: 2, startTimeUnixNano: nanos(Date.now() - 7), endTimeUnixNano: nanos(Date.now()), attributes: [{ key: 'http.request.method', value: { stringValue: 'GET' } }], status: { code: 0 }, ...more })
const from = (process: string, given: unknown[], workload = 'order') => ({
  resourceSpans: [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: workload } }, { key: 'service.instance.id', value: { stringValue: process } }] }, scopeSpans: [{ scope: { name: 'shop' }, spans: given }] }],
})
async function send(body: unknown, pool = order) {
  const answer = await pool.dispatcher().request({ path: '/v1/traces', method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return { status: answer.statusCode, body: (await answer.body.json()) as any }
}
const get = async (path: string, token = testerToken) => {
  const answer = await fetch(`http://127.0.0.1:${DOOR}${path}`, { headers: { authorization: `Bearer ${token}` } })
  return { status: answer.status, body: (await answer.json()) as any }
}

test('S12.4 what a process recorded stands at the door as one tree, and in the list of recent requests', async () => {
  const reporter = createMeshReporter('billing-1-gateway', `https://127.0.0.1:${INGEST}`, await mesh.identity('billing'))
  const telemetry = reporter.telemetry('billing', '2')
  const root = newTrace(true), child = childOf(root), now = performance.now()
  const since = new Date(Date.now() - 1_000).toISOString()
  telemetry.record(child, now - 2, () => httpSpan('client', 'GET', '/quotes', 500, undefined, { 'server.address': 'catalog' }))
  telemetry.record(root, now - 4, () => httpSpan('server', 'POST', '/orders', 201, undefined, { 'shop.operation': 'placeOrder' }))
  await reporter.close()
  const { spans: kept } = (await get(`/traces/${root.traceId}`)).body as { spans: KeptSpan[] }
  expect(kept).toMatchObject([
    { spanId: root.spanId, producer: 'billing', process: 'billing-1-gateway', version: '2', name: 'POST /orders', kind: 'server', isError: false, attributes: { 'shop.operation': 'placeOrder', 'http.response.status_code': 201 } },
    { spanId: child.spanId, parentId: root.spanId, name: 'GET /quotes', kind: 'client', isError: true, attributes: { 'server.address': 'catalog' } },
  ])
  expect(kept[0]!.parentId).toBeUndefined()
  expect(kept[0]!.durationMs).toBeGreaterThanOrEqual(4)
  expect((await get(`/traces?since=${since}`)).body.traces).toContainEqual(expect.objectContaining({ traceId: root.traceId, name: 'POST /orders', spans: 2 }))
  expect((await get(`/traces?since=${new Date(Date.now() + 60_000).toISOString()}`)).body.traces).toEqual([])
})

test('a repeated batch is kept once; another producer with the same ids takes nobody\'s place', async () => {
  const one = span()
  expect(await send(from('order-1', [one]))).toEqual({ status: 200, body: {} })
  await send(from('order-1', [one]))
  const billing = createMeshPool(await mesh.identity('billing'), `https://127.0.0.1:${INGEST}`, 'monitor')
  await send(from('billing-1', [{ ...one, name: 'GET /forged' }], 'billing'), billing)
  await billing.close()
  expect((await get(`/traces/${one.traceId}`)).body.spans.map((s: KeptSpan) => [s.producer, s.name]).toSorted()).toEqual([['billing', 'GET /forged'], ['order', 'GET /cart']])
})

test.each([
  ['another\'s name', from('order-1', [span()], 'billing')], ['another\'s process', from('billing-1', [span()])], ['no name', { resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ spans: [span()] }] }] }],
])('S5.1-d refuses spans in %s, and tells of it', async (_what, body) => {
  expect(await send(body)).toMatchObject({ status: 200, body: { partialSuccess: { rejectedSpans: 1 } } })
  expect(told).toMatchObject([{ detection: 'EVENT-FORGED', code: 'spans-forged', subject: 'spiffe://shop.test/mesh/order' }])
})

test.each([
  ['an attribute that spans do not have', { attributes: [{ key: 'http.request.header.authorization', value: { stringValue: 'Bearer x' } }] }],
  ['an attribute that is long', { attributes: [{ key: 'http.route', value: { stringValue: 'x'.repeat(129) } }] }],
  ['an attribute that nests', { attributes: [{ key: 'http.route', value: { kvlistValue: { values: [] } } }] }],
  ['control characters', { name: 'GET\r\n' }], ['U+0000', { name: 'a\u0000' }], ['a trace id that is none', { traceId: 'x' }], ['a trace id of zeros', { traceId: '0'.repeat(32) }],
  ['too many attributes', { attributes: Array.from({ length: 40 }, () => ({ key: 'http.route', value: { stringValue: '/' } })) }],
  ['an end before its start', { endTimeUnixNano: nanos(Date.now() - 9_000) }], ['a time long ago', { startTimeUnixNano: '1', endTimeUnixNano: '2' }],
])('S12.4-a refuses a span with %s, keeps the good one beside it', async (_what, bad) => {
  const good = span()
  expect((await send(from('order-1', [span(bad), good]))).body).toMatchObject({ partialSuccess: { rejectedSpans: 1 } })
  expect((await get(`/traces/${good.traceId}`)).body.spans).toHaveLength(1)
  expect(told).toMatchObject([{ detection: 'RE8', code: 'spans-malformed' }])
})

test.each([
  ['nothing in it', {}, 400], ['too many spans', from('order-1', Array.from({ length: BATCH + 1 }, () => span())), 400], ['too large', from('order-1', [{ ...span(), x: 'x'.repeat(262_144) }]), 413],
])('refuses a batch: %s', async (_what, body, status) => {
  expect((await send(body)).status).toBe(status)
})

test('S12.4-b a flood is cut to the quota, and the loss is an event', async () => {
  const lost = []
  for (let i = 0; i < 4; i++) lost.push((await send(from('order-1', Array.from({ length: BATCH }, () => span())))).body.partialSuccess?.rejectedSpans ?? 0)
  expect(lost.reduce((a, b) => a + b)).toBeGreaterThan(100)
  // Once a second at most: on a busy machine the batches may be further apart.
  expect(new Set(told.map(({ code, subject }) => `${code} ${subject}`))).toEqual(new Set(['spans-dropped spiffe://shop.test/mesh/order']))
})

test.each([['/traces', 'wrong', 401], [`/traces/${'a'.repeat(32)}`, '', 401], [`/traces/${'a'.repeat(32)}`, testerToken, 404], ['/traces/1', testerToken, 400], ['/traces?since=now', testerToken, 400], ['/traces?limit=501', testerToken, 400]])(
  'the door: %s with %s: %i, a problem', async (path, token, status) => {
    expect(await get(path, token)).toMatchObject({ status, body: { code: expect.any(String) } })
  })

test('days of spans go by age, by the function alone', async () => {
  const owner = new pg.Client(database.ownerConfig as pg.ClientConfig)
  await owner.connect()
  await owner.query('create table spans_20200101 partition of spans for values from (\'2020-01-01\') to (\'2020-01-02\')')
  const { rows: [before] } = await owner.query('select tableowner from pg_tables where tablename = \'spans\'')
  await owner.query(`alter table spans_20200101 owner to ${pg.escapeIdentifier(before.tableowner)}`)
  await expect(store.query('drop table spans_20200101')).rejects.toMatchObject({ code: '42501' })
  await spans.tend()
  const { rows } = await owner.query('select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = \'spans\'::regclass')
  expect(rows).toHaveLength(2)
  expect(rows.map((r) => r.relname)).not.toContain('spans_20200101')
  await owner.end()
})
