import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../deploy/backing/test-database.ts'
import { createLog } from './log.ts'
import { problem } from './problem.ts'
import { createStoreOn, type Store, type Tx } from './store.ts'

let database: TestDatabase
let store: Store
let owner: pg.Pool
beforeAll(async () => {
  database = await testDatabase([])
  store = createStoreOn(database.config, createLog('store-test'))
  owner = new pg.Pool(database.ownerConfig)
  owner.on('error', () => {})
})
afterAll(async () => {
  await store?.close()
  await owner?.end()
  await database?.drop()
})

/** What a killed server looks like from here. */
async function loseConnection(tx: Tx, meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
  const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
  await Promise.all([meanwhile(), owner.query('select pg_terminate_backend($1, 5000)', [rows[0]!.pid])])
}

test.each<[string, (tx: Tx) => Promise<unknown>]>([
  ['in a statement', (tx) => loseConnection(tx, () => tx.query('select pg_sleep(20)'))],
  ['between two statements', async (tx) => { await loseConnection(tx); await new Promise((resolve) => setImmediate(resolve)); await tx.query('select 1') }],
  ['and every statement after it', async (tx) => { await loseConnection(tx); await tx.query('select 1').catch(() => {}); await tx.query('select 1') }],
  ['before the commit', loseConnection],
])('A6 a connection lost %s is unavailable, and the next transaction works', async (_when, work) => {
  await expect(store.transaction(work)).rejects.toMatchObject({ code: 'unavailable' })
  expect(await store.transaction(async (tx) => (await tx.query('select 1 as one')).rows)).toEqual([{ one: 1 }])
})

test('A6 a statement that waited too long for another\'s lock is unavailable, no failure', async () => {
  await owner.query('create table busy (id int)')
  const holder = await owner.connect()
  try {
    await holder.query('begin')
    await holder.query('lock table busy')
    const waiting = store.transaction(async (tx) => {
      await tx.query('set local statement_timeout = 50')
      await tx.query('select from busy')
    })
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
  } finally {
    await holder.query('rollback')
    holder.release()
    await owner.query('drop table busy')
  }
})

test('a refusal stays what it is, also when the connection was lost meanwhile', async () => {
  const Refused = problem('refused', 409, 'No', 'Do not')
  await expect(store.transaction(async (tx) => { await loseConnection(tx); throw Refused() })).rejects.toMatchObject({ code: 'refused' })
})
