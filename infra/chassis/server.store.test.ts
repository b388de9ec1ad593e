import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Pool } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../deploy/backing/test-database.ts'
import { createLog } from './log.ts'
import { loadApi } from './operation.ts'
import type { SecurityEvent } from './security-event.ts'
import { created, createApp, listenOnSocket, ok } from './server.ts'
import { createStoreOn, type Store } from './store.ts'

const api = loadApi({ openapi: '3.1.0', paths: {
  '/things': {
    get: { operationId: 'listThings', responses: {} },
    post: {
      operationId: 'addThing', 'x-body-limit-bytes': 1_000,
      parameters: [{ name: 'Idempotency-Key', in: 'header', required: true, schema: { type: 'string', minLength: 8 } }],
      requestBody: { required: true, content: { 'application/json': { schema: { type: 'object', additionalProperties: false, properties: { name: { type: 'string' } } } } } }, responses: {},
    },
  },
} })
const token = (sub: string) => `Bearer e30.${Buffer.from(JSON.stringify({ sub, role: 'customer', txn: 't', act: { sub: 'spiffe://shop.test/mesh/edge' } })).toString('base64url')}.x`

let database: TestDatabase, store: Store, server: { close(): Promise<void> }, pool: Pool
const folder = mkdtempSync(join(tmpdir(), 'server-'))
const reported: SecurityEvent['data'][] = []
let made = 0
beforeAll(async () => {
  database = await testDatabase([new URL('./migrations', import.meta.url).pathname])
  store = createStoreOn(database.config, createLog('test'), 8)
  const app = createApp({
    api, store, log: createLog('test'), version: '1', report: (detail) => reported.push(detail),
    routes: {
      listThings: async ({ caller }) => ok({ subject: caller.subject, actor: caller.actor }),
      addThing: async ({ body, tx }) => {
        await tx.query('select pg_sleep(0.02)')
        if (body.name === 'broken') throw new Error('a programmer erred')
        return created({ name: body.name, n: ++made })
      },
    },
  })
  server = await listenOnSocket(app, join(folder, 's'))
  pool = new Pool('http://app', { socketPath: join(folder, 's') })
})
afterAll(async () => {
  await pool.close()
  await server.close()
  await store.close()
  await database.drop()
  rmSync(folder, { recursive: true })
})

const add = async (name: unknown, key: string, sub = 'alice', body: string | Buffer = JSON.stringify({ name })) => {
  const answer = await pool.request({ method: 'POST', path: '/things', headers: { authorization: token(sub), 'idempotency-key': key, 'content-type': 'application/json' }, body })
  return { status: answer.statusCode, body: (await answer.body.json()) as any }
}

test('S8.3 a key\'s first answer is the answer, also to ten requests at once', async () => {
  const before = made
  const answers = await Promise.all(Array.from({ length: 10 }, () => add('one', 'key-00000001')))
  expect(new Set(answers.map((a) => JSON.stringify(a))).size).toBe(1)
  expect(made).toBe(before + 1)
})
test('S8.3 the same key with another body is refused; another caller has keys of their own', async () => {
  await add('one', 'key-00000002')
  expect(await add('two', 'key-00000002')).toMatchObject({ status: 422, body: { code: 'idempotency-mismatch' } })
  expect(await add('two', 'key-00000002', 'bob')).toMatchObject({ status: 201 })
})
test('a request that fails leaves its key free', async () => {
  expect(await add('broken', 'key-00000003')).toMatchObject({ status: 500, body: { code: 'internal' } })
  expect((await store.query('select 1 from idempotency where key = $1', ['key-00000003'])).rowCount).toBe(0)
})
test.each([
  ['too large', JSON.stringify({ name: 'x'.repeat(5_000_000) }), 413, 'body-too-large'],
  ['an unknown field', '{"name":"a","role":"staff"}', 400, 'parameter-unexpected'],
  ['a key twice', '{"name":"a","name":"b"}', 400, 'body-malformed'],
])('T8 a body with %s is refused by the service itself, and reported', async (_name, body, status, code) => {
  expect(await add('', 'key-00000004', 'alice', body)).toMatchObject({ status, body: { code } })
  expect(reported.at(-1)).toMatchObject({ code, control: 'service-validation', strategies: ['T8'], subject: 'alice' })
})
test('nobody calls without a token, and nothing of the inside is told', async () => {
  const answer = await pool.request({ method: 'GET', path: '/things' })
  expect([answer.statusCode, ((await answer.body.json()) as any).code, answer.headers['x-powered-by']]).toEqual([401, 'token-required', undefined])
  const good = await pool.request({ method: 'GET', path: '/things', headers: { authorization: token('alice') } })
  expect(await good.body.json()).toEqual({ subject: 'alice', actor: 'edge' })
})
test('health needs no token, and tells the version', async () => {
  const answer = await pool.request({ method: 'GET', path: '/health' })
  expect([answer.statusCode, await answer.body.json()]).toEqual([200, { status: 'ok', version: '1' }])
})
test.each([['with its length', '{}'], ['in chunks', Readable.from(['{', '}'])]])('T8 a body that nobody asked for is refused %s, and the connection goes on', async (_name, body) => {
  const answer = await pool.request({ method: 'GET', path: '/things', headers: { authorization: token('alice') }, body })
  expect([answer.statusCode, ((await answer.body.json()) as any).code]).toEqual([400, 'parameter-unexpected'])
  const next = await pool.request({ method: 'GET', path: '/things', headers: { authorization: token('alice') } })
  expect([next.statusCode, next.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8'])
  await next.body.dump()
})
