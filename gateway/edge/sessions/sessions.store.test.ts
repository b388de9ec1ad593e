import { randomBytes } from 'node:crypto'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { testDatabase, type TestDatabase } from '@shop/deploy/backing/test-database.ts'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { EdgeCall } from '../call.ts'
import { hashOf, newHandle, sessionCookieName, sessionKeys } from './handle.ts'
import { createSessions, type Sessions } from './sessions.ts'

const log = pino({ level: 'silent' })
const keys = sessionKeys(randomBytes(32).toString('base64url'))
const cookieName = sessionCookieName({ cookiePrefix: 'lantern', checkout: 't1' })
let database: TestDatabase
let owner: pg.Pool
beforeAll(async () => {
  database = await testDatabase([new URL('../migrations', import.meta.url).pathname])
  owner = new pg.Pool(database.ownerConfig)
  owner.on('error', () => {})
})
afterAll(async () => {
  await owner?.end()
  await database?.drop()
})

/** What one edge process has: sessions on connections of its own. Its clock stands still until it is moved. */
async function edge(hear?: Store['hear']) {
  const store = createStoreOn(database.config, log), locks = createStoreOn(database.config, log)
  const began = Date.now()
  let later = 0, statements = 0, touched = 0, isHeard = (): boolean => true
  const counted: Store = {
    ...store,
    query: (text, values) => { if (text.startsWith('update sessions s set expires_at')) touched++; else statements++; return store.query(text, values) },
    hear: hear ?? ((channel, listener) => { const hearing = store.hear(channel, listener); isHeard = hearing.isHearing; return hearing }),
  }
  const sessions: Sessions = createSessions({ store: counted, locks, keys, cookieName, limits: { idleMinutes: 0.5, absoluteMinutes: 720, guestIdleMinutes: 1_440 }, now: () => began + later, log })
  await vi.waitFor(() => expect(isHeard()).toBe(true), { timeout: 5_000 })
  const call = (cookie = '', method = 'GET') => ({ method, cookies: [], header: () => cookie }) as unknown as EdgeCall
  return {
    sessions, touched: () => touched, statements: () => statements, isHeard: () => isHeard(), pass: (ms: number) => { later += ms },
    /** The statements that a read took; the session, if it is one. */
    async read(cookie: string, method = 'GET') {
      const before = statements, one = call(cookie, method)
      await sessions.open(one)
      return { took: statements - before, session: one.session, call: one }
    },
    async begin() {
      const { handle } = await sessions.begin(call())
      return `${cookieName}=${handle}`
    },
    async close() {
      await sessions.close()
      await Promise.all([store.close(), locks.close()])
    },
  }
}
const rowOf = (cookie: string) => hashOf(cookie.slice(cookieName.length + 1))
const soon = (isSo: () => Promise<unknown>) => vi.waitFor(async () => expect(await isSo()).toBeTruthy(), { timeout: 5_000, interval: 5 })

test('S10.1 who come together are looked for together, and each gets their own session', async () => {
  const one = await edge()
  const cookies = await Promise.all(Array.from({ length: 18 }, () => one.begin()))
  const nobody = `${cookieName}=${newHandle(keys, randomBytes)}`
  const asked = [...cookies.slice(0, 5), nobody, ...cookies.slice(5), cookies[0]!]
  const read = await Promise.all(asked.map((cookie) => one.read(cookie, 'POST').catch((error: unknown) => ({ took: 0, session: undefined, error }))))
  expect(read.map(({ session }) => session && `${cookieName}=${session.handle}`)).toEqual(asked.map((cookie) => (cookie === nobody ? undefined : cookie)))
  expect(read[5]).toMatchObject({ error: { code: 'session-ended' } })
  expect(new Set(read.map(({ session }) => session?.data.guestId)).size).toBe(19)
  expect(one.statements() - cookies.length).toBe(2)
  await one.close()
})

test('S10.1 a heard session is read once a minute, an unsafe request reads it each time', async () => {
  const a = await edge()
  const cookie = await a.begin()
  expect(await a.read(cookie)).toMatchObject({ took: 1, session: { handle: cookie.slice(cookieName.length + 1) } })
  await soon(async () => a.touched() === 1) // it came back
  a.pass(59_999)
  expect((await a.read(cookie)).took).toBe(0)
  expect((await a.read(cookie, 'POST')).took).toBe(1)
  a.pass(60_001)
  expect((await a.read(cookie)).took).toBe(1)
  a.pass(-1)
  expect((await a.read(cookie)).took).toBe(1)
  await a.close()
})

test.each<[string, (a: Awaited<ReturnType<typeof edge>>, cookie: string) => Promise<unknown>, (session: any) => boolean]>([
  ['signing out', async (a, cookie) => a.sessions.end((await a.read(cookie)).call), (session) => session === undefined],
  ['signing in', async (a, cookie) => a.sessions.rotate((await a.read(cookie)).call, { guestId: 'new' }), (session) => session === undefined],
  ['a change', async (a, cookie) => a.sessions.update((await a.read(cookie)).session!, (data) => ({ ...data, mergeGuest: 'changed' })), (session) => session.data.mergeGuest === 'changed'],
  ['deletion in the store', async (_a, cookie) => owner.query('delete from sessions where hash = $1', [rowOf(cookie)]), (session) => session === undefined],
  ['a shorter life', async (_a, cookie) => owner.query(`update sessions set expires_at = now() - interval '1 second' where hash = $1`, [rowOf(cookie)]), (session) => session === undefined],
  ['an earlier end', async (_a, cookie) => owner.query(`update sessions set ends_at = now() - interval '1 second' where hash = $1`, [rowOf(cookie)]), (session) => session === undefined],
  ['a table that was emptied', async () => owner.query('truncate sessions'), (session) => session === undefined],
])('S10.1 %s is seen by another edge at once', async (_what, act, isSeen) => {
  const [a, b] = await Promise.all([edge(), edge()])
  const cookie = await a.begin()
  expect((await b.read(cookie)).took).toBe(1)
  expect(await b.read(cookie)).toMatchObject({ took: 0, session: {} })
  // The clock of b stands still: only what it hears can make it look again.
  await act(a, cookie)
  await soon(async () => isSeen((await b.read(cookie)).session))
  await Promise.all([a.close(), b.close()])
})

test('S10.1 a row that changes while it is read is not kept', async () => {
  const [a, b] = await Promise.all([edge(), edge()])
  const cookie = await a.begin()
  await b.read(cookie)
  for (let n = 0; n < 50; n++) {
    const { session } = await a.read(cookie)
    const reading = Promise.all([b.read(cookie), b.read(cookie)])
    await a.sessions.update(session!, (data) => ({ ...data, mergeGuest: String(n) }))
    await reading
    await soon(async () => (await b.read(cookie)).session?.data.mergeGuest === String(n))
  }
  await Promise.all([a.close(), b.close()])
})

test('S10.1 A6 whose listening was killed goes by the second, and forgets what it kept when it listens again', async () => {
  const a = await edge()
  const [cookie, ended] = [await a.begin(), await a.begin()]
  for (const one of [cookie, ended]) await a.read(one)
  a.pass(1_001)
  expect((await a.read(cookie)).took).toBe(0)
  await owner.query(`alter role ${pg.escapeIdentifier(String(database.config.user))} nologin`)
  await owner.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and query in ('select 1', 'listen "sessions"')`)
  await soon(async () => !a.isHeard())
  expect(await a.read(cookie)).toMatchObject({ took: 1, session: {} })
  a.pass(1_001)
  for (const one of [cookie, ended]) expect(await a.read(one)).toMatchObject({ took: 1, session: {} })
  // Nobody hears this; a second later, or with the listening, it is known.
  await owner.query('delete from sessions where hash = $1', [rowOf(ended)])
  expect(await a.read(ended)).toMatchObject({ took: 0, session: {} })
  await owner.query(`alter role ${pg.escapeIdentifier(String(database.config.user))} login`)
  await soon(async () => a.isHeard())
  expect((await a.read(ended)).session).toBeUndefined()
  expect(await a.read(cookie)).toMatchObject({ took: 1, session: {} })
  a.pass(1_001)
  expect(await a.read(cookie)).toMatchObject({ took: 0, session: {} })
  await a.close()
})

test('S10.1 without hearing a copy serves one second', async () => {
  const a = await edge(() => ({ isHearing: () => false, stop: async () => {} }))
  const cookie = await a.begin()
  await a.read(cookie)
  a.pass(999)
  expect((await a.read(cookie)).took).toBe(0)
  a.pass(1)
  expect((await a.read(cookie)).took).toBe(1)
  await a.close()
})

test('S10.1 a copy ends with its session', async () => {
  const a = await edge()
  const cookie = await a.begin()
  await owner.query(`update sessions set ends_at = now() + interval '20 seconds' where hash = $1`, [rowOf(cookie)])
  await soon(async () => (await a.read(cookie)).took === 0)
  a.pass(18_000)
  expect(await a.read(cookie)).toMatchObject({ took: 0, session: {} })
  a.pass(3_000)
  const { session, call } = await a.read(cookie)
  expect([session, call.cookies]).toEqual([undefined, [expect.stringContaining('Max-Age=0')]])
  await a.close()
})

test('S10.1 where idleness is short, a copy serves half of it: whoever is not idle is seen in time', async () => {
  const a = await edge()
  const user = { sub: 'u', name: 'Una', role: 'customer' } as const
  const { handle } = await a.sessions.rotate((await a.read('')).call, { guestId: 'g', user })
  const cookie = `${cookieName}=${handle}`
  await soon(async () => (await a.read(cookie)).took === 0)
  a.pass(14_900)
  expect((await a.read(cookie)).took).toBe(0)
  a.pass(101)
  expect((await a.read(cookie)).took).toBe(1)
  await owner.query(`update sessions set expires_at = expires_at - interval '15.1 seconds' where hash = $1`, [rowOf(cookie)])
  const before = a.touched()
  await soon(async () => { await a.read(cookie); return a.touched() > before })
  await a.close()
})

test('S10.1 a session in use is touched about once a minute', async () => {
  const a = await edge()
  const cookie = await a.begin()
  const idle = async () => Number((await owner.query('select extract(epoch from expires_at - now()) as s from sessions where hash = $1', [rowOf(cookie)])).rows[0].s)
  await a.read(cookie)
  const full = await idle()
  await owner.query(`update sessions set expires_at = expires_at - interval '61 seconds' where hash = $1`, [rowOf(cookie)])
  await soon(async () => {
    await a.read(cookie)
    return await idle() > full - 5
  })
  await a.close()
})

test('S1.2 S10.1 a forged or repeated cookie is refused whatever is kept', async () => {
  const a = await edge()
  const cookie = await a.begin()
  await a.read(cookie)
  const flipped = cookie.slice(0, -1) + (cookie.endsWith('A') ? 'B' : 'A')
  await expect(a.read(flipped)).rejects.toMatchObject({ code: 'session-invalid' })
  await expect(a.read(`${cookie}; ${cookie}`)).rejects.toMatchObject({ code: 'cookie-repeated' })
  await a.close()
})

test('S10.1 what a listener hears names no handle, and the run-time role has no right over the trigger', async () => {
  const heard: string[] = []
  const store = createStoreOn(database.config, log), hearing = store.hear('sessions', { onNotify: (row) => void heard.push(row), onConnect() {} })
  const a = await edge()
  await vi.waitFor(() => expect(hearing.isHearing()).toBe(true), { timeout: 5_000 })
  const cookie = await a.begin()
  const { call } = await a.read(cookie)
  expect(heard).toEqual([])
  await a.sessions.end(call)
  await vi.waitFor(() => expect(heard).toEqual([rowOf(cookie).toString('base64')]), { timeout: 5_000 })
  for (const statement of ['alter table sessions disable trigger all', 'drop trigger session_ended on sessions', 'drop function tell_session_changed() cascade', 'truncate sessions', `set session_replication_role = 'replica'`])
    await expect(store.query(statement)).rejects.toMatchObject({ code: '42501' })
  await Promise.all([hearing.stop(), store.close(), a.close()])
})
