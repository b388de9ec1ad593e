// Someone runs code in order and holds the key of its database role. He wants what billing keeps: by its database, by
// its roles, by the server's files and programs, by a way from one database into another.
import { Socket } from 'node:net'
import pg from 'pg'
import { endpoints, eventually, freshAddress } from '../../shop.ts'
import { attack } from '../attack.ts'
import { dataOf } from '../broker.ts'
import type { Insider } from '../insider.ts'
import { purchase } from '../purchase.ts'
import type { Scene } from '../scene.ts'

type Answer = { rows: number; said: string; state?: string }

/** pg opens its socket itself and knows no source address. */
const socketFrom = (localAddress: string): Socket =>
  Object.assign(new Socket(), { connect(this: Socket, port: number, host: string) { return Socket.prototype.connect.call(this, { port, host, localAddress } as never) } })

/** One statement on a connection of its own, with order's certificate. */
async function ask(order: Insider, address: string, user: string, database: string, statement: string): Promise<Answer> {
  const { held } = order
  const { key, certificate } = dataOf(order)
  const { host, port } = endpoints.infrastructure.postgres
  const ssl = { key, cert: certificate, ca: held.roots, servername: `postgres.${held.places.trustDomain}`, checkServerIdentity: () => undefined }
  const client = new pg.Client({ host, port, user, database, ssl, stream: () => socketFrom(address) })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query(statement)
    return { rows: rows.length, said: 'done' }
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    return { rows: 0, said: message, ...(code && { state: code }) }
  } finally {
    await client.end().catch(() => {})
  }
}

const INVOICES = 'select number from invoices'
const INSIDE = [
  'set role billing', 'set role billing_owner', 'set role owner', 'set session authorization billing', 'grant billing to "order"', 'alter role "order" superuser', 'alter role "order" bypassrls', 'alter database billing owner to "order"',
  'create extension dblink', 'create extension postgres_fdw', 'create server billing foreign data wrapper postgres_fdw', "copy (select 1) to program 'id'", "copy (select 1) to '/tmp/order'", 'create table mine (line text)',
  "select pg_read_file('postgresql.conf')", "select pg_read_binary_file('global/pg_filenode.map')", "select pg_ls_dir('base')", "select lo_import('/etc/passwd')", 'select * from pg_authid', 'select * from pg_hba_file_rules', "alter system set listen_addresses = '*'",
  "create function shell() returns int language c as '/lib/x86_64-linux-gnu/libc.so.6', 'system'",
]
const OUTSIDE: [user: string, database: string][] = [['order', 'billing'], ['billing', 'billing'], ['billing_migrate', 'billing'], ['billing_owner', 'billing'], ['owner', 'billing'], ['order_migrate', 'order'], ['order', 'postgres'], ['order', 'template1'], ['order"', 'billing'], ['all', 'billing']]

async function cross(scene: Scene): Promise<boolean> {
  const alice = await scene.signIn('alice')
  const { id } = (await purchase(alice)).json
  await eventually('an invoice of billing\'s', async () => (await alice.get(`/api/orders/${id}`)).json?.order?.status === 'completed')
  const order = await scene.insider('order')
  let isWon = false
  const heard = async (what: string, address: string, subject: string | undefined, answer: Answer) => {
    scene.note({ request: what, ...answer })
    if (answer.said === 'done') isWon ||= what.startsWith(INVOICES) ? answer.rows > 0 : true
    else if (answer.state === '42501' || answer.state?.startsWith('28')) scene.refused({ address, subject })
  }
  for (const [user, database] of OUTSIDE) {
    const address = freshAddress()
    await heard(`${INVOICES} as ${user} in ${database}`, address, undefined, await ask(order, address, user, database, database === 'billing' ? INVOICES : 'select 1'))
  }
  for (const statement of INSIDE) {
    const address = freshAddress()
    await heard(statement, address, 'order', await ask(order, address, 'order', 'order', statement))
  }
  return isWon
}

attack({
  id: 'A6-b',
  strategies: ['A6'],
  kind: 'attack',
  goal: 'read what billing keeps, with the database role of order',
  without: 'database-role',
  stopped: { code: 'database-denied', detection: 'ACE3' },
  run: cross,
  probe: async (scene) => (await ask(await scene.insider('order'), freshAddress(), 'order', 'order', 'select from orders limit 1')).said === 'done',
})
