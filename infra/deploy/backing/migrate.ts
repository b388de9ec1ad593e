/** Brings one database's schema up to a folder of SQL migrations. */
import { runner } from 'node-pg-migrate'
import type pg from 'pg'

/** Where migrations are recorded: a schema that the run-time role has no rights in. */
const SCHEMA = 'migrations'

/**
 * Runs what is new in `folder` (NNNN_name.sql) over `client`, connected as the workload's migration role; all or
 * nothing. `table` names the record, because one database takes the migrations of several folders. Waits while
 * another runner migrates. Returns the names that ran; throws when a file changed its order or its SQL fails.
 */
export async function migrate(client: pg.Client, folder: string, table: string): Promise<string[]> {
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const ran = await runner({ dbClient: client, dir: folder, migrationsTable: table, migrationsSchema: SCHEMA, createMigrationsSchema: true, schema: 'public',
    direction: 'up', singleTransaction: true, checkOrder: true, advisoryLockMode: 'wait', logger: quiet })
  return ran.map(({ name }) => name)
}
