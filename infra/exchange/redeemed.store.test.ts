import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { createLog } from '@shop/chassis/log.ts'
import { createStoreOn, type Store } from '@shop/chassis/store.ts'
import { testDatabase, type TestDatabase } from '@shop/deploy/backing/test-database.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { forgetExpired, redeem } from './redeemed.ts'

let database: TestDatabase
let store: Store
beforeAll(async () => {
  database = await testDatabase([fileURLToPath(new URL('migrations', import.meta.url))])
  const log = createLog('test')
  log.level = 'silent'
  store = createStoreOn(database.config, log, 8)
})
afterAll(async () => {
  await store?.close()
  await database?.drop()
})

test('S1.1-b of a hundred at once, one is first', async () => {
  const jti = randomUUID()
  const answers = await Promise.all(Array.from({ length: 100 }, () => redeem(store, jti, Date.now() / 1000 + 60)))
  expect(answers.filter(Boolean)).toHaveLength(1)
  expect(await redeem(store, jti, Date.now() / 1000 + 60)).toBe(false)
})

test('forgets only what expired a minute ago', async () => {
  const [old, fresh] = [randomUUID(), randomUUID()]
  await redeem(store, old, Date.now() / 1000 - 61)
  await redeem(store, fresh, Date.now() / 1000 - 59)
  await forgetExpired(store)
  expect(await redeem(store, old, Date.now() / 1000 + 60)).toBe(true)
  expect(await redeem(store, fresh, Date.now() / 1000 + 60)).toBe(false)
})
