/** Ingest over mutual TLS, real PostgreSQL, and the door over HTTP. */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createControlApi } from '@shop/chassis/control-api.ts'
import { createLog } from '@shop/chassis/log.ts'
import { serveMesh, type MeshServer } from '@shop/chassis/mesh-server.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import type { SecurityEvent } from '@shop/chassis/security-event.ts'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { createTestMesh, type TestMesh } from '@shop/chassis/test-mesh.ts'
import { createMeshPool, type MeshPool } from '@shop/chassis/tls.ts'
import { testDatabase, type TestDatabase } from '@shop/deploy/backing/test-database.ts'
import pg from 'pg'
import { Client } from 'undici'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { doorHandlers } from './door.ts'
import { createEventStore, EVENTS_CHANNEL, type EventStore } from './event-store.ts'
import { ingestHandlers, type Tally } from './ingest.ts'
import { spanHandlers } from './ingest-spans.ts'
import { createQuota } from './producer.ts'
import { createSpanStore } from './span-store.ts'
import { createStreams, type Streams } from './stream.ts'

const INGEST = 25_010, DOOR = 25_011
const testerToken = 'a-tester-token-of-thirty-two-chars'
const log = createLog('test')
log.level = 'silent'
let database: TestDatabase, store: Store, events: EventStore, mesh: TestMesh, server: MeshServer, door: http.Server, streams: Streams, order: MeshPool
let storesDoor: http.Server, storesFolder: string
let stopListening: () => Promise<void>
let told: SecurityEvent['data'][] = []
const tallies = new Map<string, Tally>()

beforeAll(async () => {
  database = await testDatabase([fileURLToPath(new URL('migrations', import.meta.url))])
  store = createStoreOn(database.config, log)
  events = createEventStore(store)
  const spans = createSpanStore(store)
  streams = createStreams(events, log)
  stopListening = await store.listen(EVENTS_CHANNEL, streams.wake)
  mesh = await createTestMesh()
  const report = (detail: SecurityEvent['data']) => void told.push(detail)
  const read = (file: string) => loadApi(readOpenApi(new URL(file, import.meta.url)))
  const common = { log, report, control: { name: 'event-authentication', strategies: ['S5.1'] }, subjectOf: () => undefined }
  const ingest = createControlApi({ ...common, api: read('openapi.yaml'), handlers: { ...ingestHandlers({ events, quota: createQuota({ perSecond: 1, burst: 500 }), tallies, trustDomain: mesh.trustDomain, report, now: Date.now, stores: ['postgres', 'consul'] }), ...spanHandlers({ spans, quota: createQuota({ perSecond: 1, burst: 500 }), trustDomain: mesh.trustDomain, report, now: Date.now }) } })
  server = await serveMesh(ingest, { port: INGEST, identity: await mesh.identity('monitor'), report })
  storesDoor = http.createServer(ingest)
  storesFolder = mkdtempSync(join(tmpdir(), 'stores-'))
  await new Promise<void>((resolve) => storesDoor.listen(join(storesFolder, 's'), resolve))
  door = http.createServer(createControlApi({ ...common, api: read('door.openapi.yaml'), handlers: doorHandlers({ events, spans, streams, tallies, brand: 'Toy <Shop>', testerToken, startedAt: '' }) }))
  await new Promise<void>((resolve) => door.listen(DOOR, resolve))
  order = createMeshPool(await mesh.identity('order'), `https://127.0.0.1:${INGEST}`, 'monitor')
})
afterAll(async () => {
  streams?.close()
  await order?.close()
  await server?.close()
  storesDoor?.close()
  if (storesFolder) rmSync(storesFolder, { recursive: true })
  door?.closeAllConnections()
  await new Promise((resolve) => door.close(resolve))
  await stopListening?.()
  await store?.close()
  await database?.drop()
})
beforeEach(() => { told = [] })

const newTraceId = () => randomBytes(16).toString('hex')
const event = (data: Partial<SecurityEvent['data']> = {}, more: object = {}): SecurityEvent => ({ specversion: '1.0', id: randomUUID(), type: 'security.token-invalid', source: 'order-1-gateway', time: new Date().toISOString(), data: { detection: 'TOKEN-INVALID', control: 'verify-token', strategies: ['S2.5'], code: 'token-invalid', severity: 'high', ...data }, ...more })
async function send(batch: unknown, pool = order) {
  const answer = await pool.dispatcher().request({ path: '/events', method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(batch) })
  return { status: answer.statusCode, body: (await answer.body.json()) as any }
}
const get = async (path: string, token = testerToken) => {
  const answer = await fetch(`http://127.0.0.1:${DOOR}${path}`, { headers: { authorization: `Bearer ${token}` } })
  return { status: answer.status, body: (await answer.json()) as any }
}

test('keeps an event once, finds it by each filter, gives a cursor that misses nothing', async () => {
  const traceId = newTraceId()
  const one = event({ traceId })
  const start = (await get('/events')).body.cursor
  expect(await send([one])).toEqual({ status: 202, body: { accepted: 1, refused: 0, dropped: 0 } })
  expect((await send([one, one])).body.accepted).toBe(2)
  const found = (await get(`/events?traceId=${traceId}`)).body
  expect(found.events).toEqual([{ ...one, producer: 'order', receivedAt: expect.any(String), sequence: expect.any(String) }])
  const ids = async (query: string) => (await get(`/events?since=${start}&${query}`)).body.events.map((e: SecurityEvent) => e.id)
  expect(await ids('strategy=S2.5')).toEqual([one.id])
  expect(await ids('strategy=S5.1')).toEqual([])
  expect(await ids('detection=TOKEN-INVALID')).toEqual([one.id])
  expect(await ids('detection=RE8')).toEqual([])
  const before = new Date(Date.now() - 60_000).toISOString(), after = new Date(Date.now() + 60_000).toISOString()
  expect((await get(`/events?since=${before}&traceId=${traceId}`)).body.events).toHaveLength(1)
  expect((await get(`/events?since=${after}&traceId=${traceId}`)).body.events).toHaveLength(0)
  const nothing = (await get(`/events?since=${start}&detection=HT1`)).body
  expect(nothing.events).toEqual([])
  await send([event({ traceId }), event(), event({ traceId })])
  const page = (await get(`/events?since=${nothing.cursor}&limit=2`)).body
  expect(page.events).toHaveLength(2)
  expect((await get(`/events?since=${page.cursor}`)).body.events).toHaveLength(1)
})

test('many writers at once: a reader that follows the cursor sees each event once', async () => {
  let { cursor } = (await get('/events?limit=1000')).body
  const batches = Array.from({ length: 12 }, () => [event(), event(), event()])
  const seen: string[] = []
  const writing = Promise.all(batches.map((batch) => send(batch)))
  const follow = async () => {
    const page = (await get(`/events?since=${cursor}&limit=5`)).body
    seen.push(...page.events.map((e: SecurityEvent) => e.id))
    cursor = page.cursor
    return page.events.length
  }
  let isDone = false
  void writing.then(() => { isDone = true })
  while (!isDone) await follow()
  while (await follow());
  expect(seen.toSorted()).toEqual(batches.flat().map((e) => e.id).toSorted())
})

test.each([
  ['in another\'s name', event({}, { source: 'billing-1' }), 'EVENT-FORGED'],
  ['with a field that could hold a secret', event({ token: 'x' } as object), 'RE8'],
  ['too long', event({ reason: 'x'.repeat(201) }), 'RE8'],
  ['with U+0000', event({ reason: 'a\u0000b' }), 'RE8'],
  ['that says nothing', {}, 'RE8'],
])('S5.1-d refuses an event %s, tells of it, and keeps the good one beside it', async (_what, bad, detection) => {
  expect((await send([bad, event()])).body).toEqual({ accepted: 1, refused: 1, dropped: 0 })
  expect(told).toMatchObject([{ detection, subject: 'spiffe://shop.test/mesh/order' }])
})

test.each([
  ['no array', { a: 1 }, 400], ['too many', Array.from({ length: 101 }, () => 1), 400], ['too large', ['x'.repeat(262_144)], 413],
])('refuses a batch: %s', async (_what, batch, status) => {
  expect((await send(batch)).status).toBe(status)
})

test('S5.1-d a flood is cut to the quota, and the drops are an event; another producer goes on', async () => {
  const batch = () => Array.from({ length: 100 }, () => event())
  const answers = []
  for (let i = 0; i < 7; i++) answers.push((await send(batch())).body)
  const dropped = answers.reduce((sum, body) => sum + body.dropped, 0)
  expect(dropped).toBeGreaterThan(100)
  expect(told.some((detail) => detail.code === 'events-dropped' && detail.subject?.endsWith('/order'))).toBe(true)
  const identity = await mesh.identity('billing')
  const { report, close } = createMeshReporter('billing-1', `https://127.0.0.1:${INGEST}`, identity)
  const traceId = newTraceId()
  report(event({ traceId }).data)
  await close()
  expect((await get(`/events?traceId=${traceId}`)).body.events).toMatchObject([{ producer: 'billing', source: 'billing-1' }])
  const { producers } = (await get('/status')).body
  expect(producers.map((p: { producer: string }) => p.producer)).toEqual(['billing', 'order'])
  expect(producers[1].dropped).toBe(dropped)
})

test('S5.1 the socket of the stores speaks for one store at a time, and for no workload', async () => {
  const client = new Client('http://monitor', { socketPath: join(storesFolder, 's') })
  const tell = async (path: string, batch: unknown) => {
    const { statusCode, body } = await client.request({ path, method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(batch) })
    return { status: statusCode, body: (await body.json()) as any }
  }
  const traceId = newTraceId()
  const from = (source: string) => event({ traceId }, { source })
  expect(await tell('/events', [from('consul-2'), from('order'), from('postgres'), from('consul-3')])).toEqual({ status: 202, body: { accepted: 2, refused: 2, dropped: 0 } })
  expect(told).toMatchObject([{ detection: 'EVENT-FORGED', subject: 'consul' }, { detection: 'EVENT-FORGED', subject: 'consul' }])
  expect((await tell('/events', [from('order-1-gateway')])).body).toMatchObject({ accepted: 0, refused: 1 })
  expect((await tell('/v1/traces', { resourceSpans: [] })).status).toBe(403)
  expect((await get(`/events?traceId=${traceId}`)).body.events.map((e: any) => [e.source, e.producer])).toEqual([['consul-2', 'consul'], ['consul-3', 'consul']])
  await client.close()
})

test('S2.6 a data certificate reports nothing', async () => {
  const pool = createMeshPool(await mesh.identity('order', { uri: 'spiffe://shop.test/data/order' }), `https://127.0.0.1:${INGEST}`, 'monitor')
  expect(await send([event()], pool)).toMatchObject({ status: 403, body: { code: 'peer-unknown' } })
  await pool.close()
})

test('the stream gives what comes and what was missed', async () => {
  const billing = createMeshPool(await mesh.identity('billing'), `https://127.0.0.1:${INGEST}`, 'monitor')
  const open = async (headers: Record<string, string> = {}) => {
    const leave = new AbortController()
    const answer = await fetch(`http://127.0.0.1:${DOOR}/events/stream?detection=HT1`, { headers: { authorization: `Bearer ${testerToken}`, ...headers }, signal: leave.signal })
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    return {
      async next(): Promise<{ id: string; event: SecurityEvent }> {
        for (;;) {
          const match = /id: (\d+)\nevent: security\ndata: (.*)\n\n/.exec(text)
          if (match) {
            text = text.slice(match.index + match[0].length)
            return { id: match[1]!, event: JSON.parse(match[2]!) as SecurityEvent }
          }
          text += (await reader.read()).value ?? ''
        }
      },
      leave: () => leave.abort(),
    }
  }
  const mine = () => event({ detection: 'HT1', reason: 'line\r\nid: 1\r\n\r\n\u001b[31m<b>' }, { source: 'billing-1' })
  const first = await open()
  const [one, two, three] = [mine(), mine(), mine()]
  await send([event({}, { source: 'billing-1' }), one], billing)
  const got = await first.next()
  expect(got.event).toMatchObject(one)
  first.leave()
  await send([two], billing)
  const second = await open({ 'last-event-id': got.id })
  expect((await second.next()).event.id).toBe(two.id)
  await send([three], billing)
  expect((await second.next()).event.id).toBe(three.id)
  second.leave()
  await billing.close()
})

test.each([
  ['/events', 'wrong', 401], ['/events/stream', 'wrong', 401], ['/status', '', 401],
  ['/events?since=yesterday', testerToken, 400], ['/events?limit=0', testerToken, 400], ['/events?strategy=S1%27', testerToken, 400],
  ['/events?traceId=1', testerToken, 400], ['/events?colour=red', testerToken, 400], ['/events?limit=1&limit=2', testerToken, 400], ['/nothing', testerToken, 404],
])('the door: %s with %s: %i, a problem', async (path, token, status) => {
  const answer = await get(path, token)
  expect(answer).toMatchObject({ status, body: { code: expect.any(String) } })
})

test('the page says what this is, without the token, escaped and under a policy', async () => {
  const answer = await fetch(`http://127.0.0.1:${DOOR}/`)
  expect(answer.headers.get('content-security-policy')).toContain('default-src \'none\'')
  expect(await answer.text()).toContain('Toy &#60;Shop&#62;: monitor')
})

test('days come and go by the function alone; the monitor itself cannot drop one', async () => {
  const owner = new pg.Client(database.ownerConfig as pg.ClientConfig)
  await owner.connect()
  await owner.query('create table events_20200101 partition of events for values from (\'2020-01-01\') to (\'2020-01-02\')')
  const { rows: [before] } = await owner.query('select tableowner from pg_tables where tablename = \'events\'')
  await owner.query(`alter table events_20200101 owner to ${pg.escapeIdentifier(before.tableowner)}`)
  await expect(store.query('drop table events_20200101')).rejects.toMatchObject({ code: '42501' })
  await events.tend()
  const { rows } = await owner.query('select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = \'events\'::regclass order by 1')
  expect(rows).toHaveLength(2)
  expect(rows[0].relname > 'events_2026').toBe(true)
  await owner.end()
})
