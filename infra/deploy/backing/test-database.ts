/** A database of its own for one test file, with the rights that the product's databases have. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { migrate } from './migrate.ts'
import { migrator, objectOwner, OWNER } from './postgres.ts'
import { ensureWorkload } from './postgres-roles.ts'

export type TestDatabase = {
  /** For `new pg.Pool(config)` or `createStoreOn(config, …)`: the run-time role, rows only. */
  config: pg.PoolConfig
  /** The same database as the server's superuser, to arrange what the product may not. */
  ownerConfig: pg.PoolConfig
  drop(): Promise<void>
}

/** Makes a database and runs `folders` of migrations in it, each folder with its own record. Absolute paths. */
export async function testDatabase(folders: string[]): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const host = inject('postgresSocket')
  const connect = async (database: string, user = OWNER) => {
    const client = new pg.Client({ host, database, user })
    await client.connect()
    return client
  }
  const owner = await connect('postgres')
  await ensureWorkload(owner, connect, name, new Set())
  const client = await connect(name, migrator(name))
  try {
    for (const [i, folder] of folders.entries()) await migrate(client, folder, `folder_${i}`)
  } finally {
    await client.end()
  }
  return {
    config: { host, database: name, user: name },
    ownerConfig: { host, database: name, user: OWNER },
    async drop() {
      await owner.query(`drop database ${pg.escapeIdentifier(name)} with (force)`)
      for (const role of [migrator(name), name, objectOwner(name)]) await owner.query(`drop role ${pg.escapeIdentifier(role)}`)
      await owner.end()
    },
  }
}
