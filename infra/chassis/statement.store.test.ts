import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../deploy/backing/test-database.ts'
import { createLog } from './log.ts'
import { Statement } from './statement.ts'
import { createStoreOn, type Store } from './store.ts'

let database: TestDatabase
let owner: pg.Client
let store: Store
beforeAll(async () => {
  database = await testDatabase([])
  owner = new pg.Client(database.ownerConfig)
  await owner.connect()
  store = createStoreOn(database.config, createLog('statement-test'), 1)
})
afterAll(async () => {
  await store?.close()
  await owner?.end()
  await database?.drop()
})

const run = (text: string, values: unknown[]) => new Promise<any>((resolve, reject) => {
  const statement = new Statement(text.slice(0, 63), text, values)
  statement.callback = (error, result) => { if (error) reject(error); else resolve(result) }
  owner.query(statement)
})

test.each<[string, string, unknown[]]>([
  ['texts', 'select $1::text as a, $2::text as b', ['ä€🙂', null]],
  ['numbers', 'select $1::int as a, $2::bigint as b, $3::numeric as c, $4::float8 as d', [1, 2n ** 60n, '1.50', 0.1]],
  ['times', 'select $1::timestamptz as at', [new Date('2030-01-02T03:04:05.678Z')]],
  ['arrays', 'select $1::text[] as a, $2::int[] as b', [['x,"', null], [1, 2]]],
  ['documents', 'select $1::jsonb as a', [{ a: [1, { b: null }] }]],
  ['bytes and truth', 'select $1::bytea as a, $2::boolean as b', [Buffer.from([0, 255]), true]],
  ['several rows', 'select n, n * 2 as twice from generate_series(1, $1::int) n', [3]],
  ['no rows', 'select 1 as one where $1::boolean', [false]],
  ['no columns', 'select set_config($1, $2, false) from generate_series(1, 0)', ['a.b', 'c']],
])('%s are written and read as pg does it, the first time and again', async (_what, text, values) => {
  const { rows, rowCount } = await owner.query(text, values)
  for (const _time of ['first', 'again']) expect(await run(text, values)).toEqual({ rows, rowCount })
})

test('says how many rows were changed', async () => {
  await owner.query('create temporary table t (a int)')
  for (const _time of ['first', 'again']) {
    expect(await run('insert into t select n from generate_series(1, $1::int) n', [4])).toEqual({ rows: [], rowCount: 4 })
    expect(await run('delete from t where a <= $1', [4])).toEqual({ rows: [], rowCount: 4 })
  }
})

test('a connection describes a statement once', async () => {
  const heard: string[] = []
  const { connection } = owner as unknown as { connection: pg.Connection }
  for (const name of ['parseComplete', 'rowDescription', 'noData', 'dataRow']) connection.on(name, () => heard.push(name))
  for (const n of [1, 2, 3]) await run('select $1::int as once', [n])
  expect(heard).toEqual(['parseComplete', 'rowDescription', 'dataRow', 'dataRow', 'dataRow'])
})

test('what is refused is refused, and the next execution is none the worse', async () => {
  for (const _time of ['first', 'again']) {
    await expect(run('select 10 / $1::int as part', [0])).rejects.toMatchObject({ code: '22012' })
    expect((await run('select 10 / $1::int as part', [5])).rows).toEqual([{ part: 2 }])
  }
  await expect(run('selec $1', [1])).rejects.toMatchObject({ code: '42601' })
  expect((await run('select $1::int as one', [1])).rows).toEqual([{ one: 1 }])
})

test('columns that changed are refused, never misread; the pool then asks on another connection', async () => {
  await owner.query(`create table public.changing (a int); grant select on public.changing to public; insert into public.changing values (1)`)
  const read = () => store.query('select * from public.changing where a > $1', [0])
  for (const _time of ['first', 'again']) expect((await read()).rows).toEqual([{ a: 1 }])
  await owner.query(`alter table public.changing add column b text default 'new'`)
  await expect(read()).rejects.toMatchObject({ code: '0A000' })
  expect((await read()).rows).toEqual([{ a: 1, b: 'new' }])
})
