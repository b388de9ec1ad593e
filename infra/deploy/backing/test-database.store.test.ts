import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from './migrate.ts'
import { migrator } from './postgres.ts'
import { testDatabase, type TestDatabase } from './test-database.ts'

let database: TestDatabase
let folder: string
let pool: pg.Pool
const write = (name: string, up: string) => writeFile(join(folder, name), `-- Up Migration\n${up}\n-- Down Migration\nselect 1;\n`)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shop-migrations-'))
  await write('0001_parcels.sql', 'create table parcels (id serial primary key, name text not null); create function twice(n int) returns int language sql as $$ select n * 2 $$;')
  database = await testDatabase([folder])
  pool = new pg.Pool(database.config)
})
afterAll(async () => {
  await pool?.end()
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

test('the run-time role reads and writes rows', async () => {
  await pool.query("insert into parcels (name) values ('a')")
  await pool.query("update parcels set name = 'b'")
  expect((await pool.query('select name, twice(4) as n from parcels')).rows).toEqual([{ name: 'b', n: 8 }])
  await pool.query('delete from parcels')
})

test.each(['create table t (n int)', 'alter table parcels add column n int', 'drop table parcels', 'truncate parcels', 'create schema s', 'select * from migrations.folder_0', 'create extension pgcrypto'])('the run-time role cannot: %s', async (sql) => {
  await expect(pool.query(sql)).rejects.toMatchObject({ code: '42501' })
})

test('two runners at once: one migrates, the other waits and finds nothing to do', async () => {
  await write('0002_weights.sql', 'alter table parcels add column grams int; select pg_sleep(0.2);')
  const clients = await Promise.all([0, 1].map(async () => {
    const client = new pg.Client({ ...database.config, user: migrator(database.config.user as string) } as pg.ClientConfig)
    await client.connect()
    return client
  }))
  const ran = await Promise.all(clients.map((client) => migrate(client, folder, 'folder_0')))
  await Promise.all(clients.map((client) => client.end()))
  expect(ran.flat()).toEqual(['0002_weights'])
  await pool.query('insert into parcels (name, grams) values ($1, 1)', ['c'])
})

test('a migration that fails leaves nothing behind', async () => {
  await write('0003_half.sql', 'create table half (n int); select 1/0;')
  const client = new pg.Client({ ...database.config, user: migrator(database.config.user as string) } as pg.ClientConfig)
  await client.connect()
  await expect(migrate(client, folder, 'folder_0')).rejects.toThrow('division by zero')
  expect((await client.query("select to_regclass('public.half') as half")).rows).toEqual([{ half: null }])
  await client.end()
  await rm(join(folder, '0003_half.sql'))
})
