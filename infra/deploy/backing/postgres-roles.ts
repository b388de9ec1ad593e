/** Databases, roles and rights of the workloads, held to the model at every start. */
import pg from 'pg'
import type { Guest } from './grants.ts'
import { CONNECTIONS_PER_ROLE, migrator, objectOwner, OWNER } from './postgres.ts'

const id = pg.escapeIdentifier

/** What one workload has: database and three roles of its name. The run-time role reads and writes rows, nothing else. */
export async function ensureWorkload(owner: pg.Client, connect: (database: string) => Promise<pg.Client>, name: string, has: Set<string>): Promise<void> {
  const [role, owns, migrates] = [id(name), id(objectOwner(name)), id(migrator(name))]
  const powerless = 'nosuperuser nocreatedb nocreaterole noreplication nobypassrls'
  // The object owner inherits: schema public belongs to whoever owns the database.
  for (const [plain, options] of [[objectOwner(name), 'nologin inherit'], [migrator(name), 'login noinherit'], [name, 'login noinherit']] as const)
    await owner.query(`${has.has(plain) ? 'alter' : 'create'} role ${id(plain)} ${options} ${powerless} connection limit ${CONNECTIONS_PER_ROLE}`)
  await owner.query(`grant ${owns} to ${migrates}; alter role ${migrates} set role ${owns}`)
  const exists = await owner.query('select from pg_database where datname = $1', [name])
  if (exists.rowCount === 0) await owner.query(`create database ${role} owner ${owns} template template0 strategy file_copy`)
  await owner.query(`alter database ${role} owner to ${owns}; revoke all on database ${role} from public; grant connect on database ${role} to ${role}, ${migrates}`)
  const strangers = await owner.query<{ name: string }>(`select distinct pg_get_userbyid(grantee) as name from pg_database, aclexplode(datacl)
    where datname = $1 and grantee <> 0 and pg_get_userbyid(grantee) <> all($2)`, [name, [name, objectOwner(name), migrator(name)]])
  for (const stranger of strangers.rows) await owner.query(`revoke all on database ${role} from ${id(stranger.name)}`)
  const inside = await connect(name)
  try {
    await inside.query(`revoke all on schema public from public; grant usage on schema public to ${role}`)
    await inside.query(`alter default privileges for role ${owns} in schema public grant select, insert, update, delete on tables to ${role}`)
    await inside.query(`alter default privileges for role ${owns} in schema public grant usage, select on sequences to ${role}`)
    await inside.query(`alter default privileges for role ${owns} revoke execute on functions from public`)
    await inside.query(`alter default privileges for role ${owns} in schema public grant execute on functions to ${role}`)
    const guests = await inside.query<{ name: string }>(`select distinct pg_get_userbyid(grantee) as name
      from (select relacl as acl from pg_class where relnamespace = 'public'::regnamespace union all select nspacl from pg_namespace where nspname = 'public') held, aclexplode(acl)
      where grantee <> 0 and pg_get_userbyid(grantee) !~ '^pg_' and pg_get_userbyid(grantee) <> all($1)`, [[OWNER, name, objectOwner(name), migrator(name)]])
    for (const guest of guests.rows) await inside.query(['tables in schema public', 'sequences in schema public'].map((all) => `revoke all on all ${all} from ${id(guest.name)}`).concat(`revoke all on schema public from ${id(guest.name)}`).join('; '))
  } finally {
    await inside.end()
  }
}

/**
 * Holds roles and databases to `workloads`. `connect` opens a connection as the owner to a database. What is no
 * longer in the model keeps its data, but nobody can log in to it, and its open connections end.
 */
export async function ensureRoles(connect: (database: string) => Promise<pg.Client>, workloads: string[], guests: Guest[] = []): Promise<void> {
  const owner = await connect('postgres')
  try {
    await reload(owner, connect)
    const roles = await owner.query<{ rolname: string; rolcanlogin: boolean }>("select rolname, rolcanlogin from pg_roles where rolname !~ '^pg_' and rolname <> $1", [OWNER])
    const known = new Set(workloads.flatMap((name) => [name, objectOwner(name), migrator(name)]))
    for (const { rolname, rolcanlogin } of roles.rows.filter((row) => !known.has(row.rolname))) {
      if (rolcanlogin) await owner.query(`alter role ${id(rolname)} nologin`)
      await owner.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [rolname])
    }
    await owner.query('revoke all on database postgres from public; revoke all on database template1 from public')
    const has = new Set(roles.rows.map((row) => row.rolname))
    for (const name of workloads) await ensureWorkload(owner, connect, name, has)
    await removeForeignMembers(owner, known)
    for (const guest of guests) await letIn(owner, connect, guest)
    await owner.query("select pg_terminate_backend(pid) from pg_stat_activity where datname is not null and usename is not null and not has_database_privilege(usename, datname, 'connect')")
  } finally {
    await owner.end()
  }
}

/** Returns when the server goes by its files as they are: it takes a moment to hear of them, and a new connection by the old would be let in. */
async function reload(owner: pg.Client, connect: (database: string) => Promise<pg.Client>): Promise<void> {
  const loadedAt = async (client: pg.Client) => (await client.query<{ at: string }>('select extract(epoch from pg_conf_load_time()) as at')).rows[0]!.at
  const before = await loadedAt(owner)
  await owner.query('select pg_reload_conf()')
  for (let attempt = 0; attempt < 100; attempt++) {
    const fresh = await connect('postgres')
    const isLoaded = await loadedAt(fresh).then((at) => at > before).finally(() => fresh.end())
    if (isLoaded) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('PostgreSQL does not take over its configuration')
}

async function letIn(owner: pg.Client, connect: (database: string) => Promise<pg.Client>, { role, database }: Guest): Promise<void> {
  await owner.query(`grant connect on database ${id(database)} to ${id(role)}`)
  const inside = await connect(database)
  await inside.query(`grant usage on schema public to ${id(role)}; grant select on all tables in schema public to ${id(role)}`).finally(() => inside.end())
}

/** A membership that the model does not name would be a way around everything above. */
async function removeForeignMembers(owner: pg.Client, known: Set<string>): Promise<void> {
  const members = await owner.query<{ role: string; member: string }>(`select r.rolname as role, m.rolname as member from pg_auth_members a
    join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member where m.rolname <> $1 and m.rolname !~ '^pg_'`, [OWNER])
  for (const { role, member } of members.rows) {
    const isOurs = known.has(role) && role.endsWith('_owner') && member === role.replace(/_owner$/, '_migrate')
    if (!isOurs) await owner.query(`revoke ${id(role)} from ${id(member)}`)
  }
}

/** A connection as the runner's owner, TLS 1.3, the server's certificate checked against `serverName`. */
export async function connectOwner(door: OwnerDoor, database: string): Promise<pg.Client> {
  return connectAs(door, OWNER, database)
}

export type OwnerDoor = { port: number; serverName: string; tls: { ca: string; cert: string; key: string } }

/** As the owner or, with the owner's certificate, as a migration role. Throws what PostgreSQL or TLS says. */
export async function connectAs(door: OwnerDoor, user: string, database: string): Promise<pg.Client> {
  const client = new pg.Client({ host: '127.0.0.1', port: door.port, user, database, connectionTimeoutMillis: 5_000, application_name: 'runner',
    ssl: { ...door.tls, servername: door.serverName, minVersion: 'TLSv1.3', rejectUnauthorized: true } })
  client.on('error', () => {}) // a server that goes away fails the next query, not the process
  await client.connect()
  return client
}

/** True when the server answers a query; false while it starts, recovers or is away. Throws when it refuses us for good. */
export async function ready(door: OwnerDoor): Promise<boolean> {
  try {
    const client = await connectOwner(door, 'postgres')
    await client.query('select 1').finally(() => client.end())
    return true
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (code.startsWith('28') || code.startsWith('ERR_')) throw error
    return false
  }
}
