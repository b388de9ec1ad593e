import { connect, createServer, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { testDatabase, type TestDatabase } from '../deploy/backing/test-database.ts'
import { HEARING_MS, type Hearing } from './listen.ts'
import { createLog } from './log.ts'
import { createStoreOn, type Store } from './store.ts'

const log = createLog('listen-test')
let database: TestDatabase
let owner: pg.Pool
let store: Store
beforeAll(async () => {
  database = await testDatabase([])
  owner = new pg.Pool(database.ownerConfig)
  owner.on('error', () => {})
  store = createStoreOn(database.config, log)
})
afterAll(async () => {
  await store?.close()
  await owner?.end()
  await database?.drop()
})

const listeners = async () => (await owner.query(`select pid from pg_stat_activity where datname = current_database() and query in ('select 1', 'listen "news"')`)).rows.map(({ pid }) => pid as number)
const killListeners = async () => { for (const pid of await listeners()) await owner.query('select pg_terminate_backend($1, 5000)', [pid]) }
const until = (isSo: () => unknown) => vi.waitFor(() => expect(isSo()).toBeTruthy(), { timeout: 10_000, interval: 5 })
function hear(at: Store = store) {
  const told: string[] = []
  const hearing: Hearing = at.hear('news', { onNotify: (payload) => void told.push(payload), onConnect: () => void told.push(hearing.isHearing() ? 'connected too late' : 'connected') })
  return { told, hearing }
}

test('hears what is notified, in order, and says so only when it listens', async () => {
  const { told, hearing } = hear()
  expect(hearing.isHearing()).toBe(false)
  await until(hearing.isHearing)
  await store.query(`select pg_notify('news', 'a')`)
  await store.query(`select pg_notify('news', 'b')`)
  await until(() => told.length === 3)
  expect(told).toEqual(['connected', 'a', 'b'])
  await hearing.stop()
  expect(hearing.isHearing()).toBe(false)
  await vi.waitFor(async () => expect(await listeners()).toEqual([]), { timeout: 5_000 })
})

test('A6 a killed connection is noticed at once; the next begins with what may have been missed', async () => {
  const { told, hearing } = hear()
  await until(hearing.isHearing)
  await killListeners()
  await until(() => told.length === 2)
  await until(hearing.isHearing)
  await store.query(`select pg_notify('news', 'heard')`)
  await until(() => told.at(-1) === 'heard')
  expect(told).toEqual(['connected', 'connected', 'heard'])
  await hearing.stop()
})

test('S10.1 a connection that is silent without having ended is no hearing after a second, and is replaced', async () => {
  const pairs: [Socket, Socket][] = []
  const proxy = createServer((client) => {
    const server = connect(`${database.config.host}/.s.PGSQL.${(owner as unknown as { options: { port?: number } }).options.port ?? 5432}`)
    client.pipe(server).pipe(client)
    for (const side of [client, server]) side.on('error', () => {})
    pairs.push([client, server])
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const through = createStoreOn({ ...database.config, host: '127.0.0.1', port: (proxy.address() as { port: number }).port }, log)
  const { told, hearing } = hear(through)
  await until(hearing.isHearing)
  for (const [client, server] of pairs) { client.unpipe(server); server.unpipe(client); client.resume(); server.resume() }
  const brokenAt = performance.now()
  await store.query(`select pg_notify('news', 'lost')`)
  // Judged by the last moment at which it said yes: when we come to hear its no is the machine's affair.
  let saidYesAt = brokenAt
  await until(() => {
    const at = performance.now()
    if (!hearing.isHearing()) return true
    saidYesAt = at
    return false
  })
  expect(saidYesAt - brokenAt).toBeLessThan(HEARING_MS + 100)
  await until(hearing.isHearing)
  expect(told).toEqual(['connected', 'connected'])
  await Promise.all([hearing.stop(), through.close()])
  for (const pair of pairs) for (const side of pair) side.destroy()
  await new Promise((resolve) => proxy.close(resolve))
})

test('A6 one who listens is called again after a gap', async () => {
  const told: string[] = []
  const stop = await store.listen('news', (payload) => void told.push(payload))
  await store.query(`select pg_notify('news', 'a')`)
  await until(() => told.length === 1)
  await killListeners()
  await until(() => told.length === 2)
  await store.query(`select pg_notify('news', 'b')`)
  await until(() => told.length === 3)
  expect(told).toEqual(['a', '', 'b'])
  await stop()
})
