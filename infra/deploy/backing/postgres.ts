/**
 * PostgreSQL, locked from the first second: TLS 1.3 only, a client certificate for everyone, one database and one
 * role per workload, objects owned by a role that cannot log in (S4.2, S2.6).
 */
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { writePrivate } from './files.ts'
import type { Guest } from './grants.ts'
import type { Postgres } from './parts.ts'
import { run } from './run.ts'
import type { Owner, SpawnSpec } from './spawn-spec.ts'

export type PostgresFiles = { certificate: string; key: string; roots: string }
/** The superuser of the runner alone; its certificate has this common name. */
export const OWNER = 'owner'
/** This machine by any of its loopback addresses. */
const LOOPBACK = '127.0.0.0/8'

const libraries = (part: Postgres): Record<string, string> => (part.libraryPath ? { LD_LIBRARY_PATH: part.libraryPath } : {})
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
const setting = (value: string) => `'${value.replaceAll("'", "''")}'`

/** postgresql.conf. Small, because a laptop runs it; durable, because it holds orders and money. */
export const config = (port: number, files: PostgresFiles): string => `listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = ''
ssl = on
ssl_min_protocol_version = 'TLSv1.3'
ssl_cert_file = ${setting(files.certificate)}
ssl_key_file = ${setting(files.key)}
ssl_ca_file = ${setting(files.roots)}
${SIZES}fsync = on
full_page_writes = on
restart_after_crash = on
log_destination = 'stderr'
log_connections = on
log_line_prefix = '%m [%p] %h %e '
`

/** Enough for eight instances of one service; whoever takes them all leaves the other workloads theirs (S13.4). */
export const CONNECTIONS_PER_ROLE = 64

/** What keeps a server small. */
export const SIZES = `max_connections = 160
shared_buffers = 32MB
wal_buffers = 1MB
work_mem = 2MB
maintenance_work_mem = 16MB
max_wal_size = 256MB
min_wal_size = 32MB
wal_level = minimal
max_wal_senders = 0
max_worker_processes = 2
max_parallel_workers = 0
autovacuum_max_workers = 1
jit = off
huge_pages = off
timezone = 'GMT'
log_timezone = 'GMT'
lc_messages = 'C'
`

/** pg_hba.conf: who may open which database. What has no line is refused, and so is everything without a certificate. */
export const hostAccess = (workloads: string[], guests: Guest[] = []): string => {
  const line = (database: string, role: string) => `hostssl ${database} ${quoted(role)} ${LOOPBACK} cert map=data`
  return [line('all', OWNER), ...workloads.flatMap((name) => [name, migrator(name)].map((role) => line(quoted(name), role))), ...guests.map(({ role, database }) => line(quoted(database), role))].join('\n') + '\n'
}

/** pg_ident.conf: whose certificate may be which role. Only the runner may be a migration role. */
export const identities = (workloads: string[]): string =>
  [`data ${quoted(OWNER)} ${quoted(OWNER)}`, ...workloads.flatMap((name) => [`data ${quoted(name)} ${quoted(name)}`, `data ${quoted(OWNER)} ${quoted(migrator(name))}`])].join('\n') + '\n'

export const objectOwner = (workload: string) => `${workload}_owner`
export const migrator = (workload: string) => `${workload}_migrate`

/**
 * Makes the cluster in `dataDir` unless it is there; a crash on the way leaves nothing half made. initdb wants a
 * passwd entry and refuses root: with an owner it runs as nobody and the files change hands afterwards.
 */
export async function initDatabase(part: Postgres, dataDir: string, owner: Owner): Promise<void> {
  if (await readFile(join(dataDir, 'PG_VERSION'), 'utf8').then((text) => text.trim() === String(part.major) || refuseVersion(text, part), () => false)) return
  // Not beside the data: nobody may not pass through the folders of others.
  const workshop = await mkdtemp(join(tmpdir(), 'shop-initdb-'))
  try {
    const nobody = owner && { uid: 65_534, gid: 65_534 }
    if (nobody) await chown(workshop, nobody.uid, nobody.gid)
    const fresh = join(workshop, 'data')
    const args = ['-D', fresh, '-U', OWNER, '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions', '-A', 'reject', '--data-checksums']
    await run(join(part.bin, 'initdb'), args, { cwd: workshop, env: { PATH: '/usr/bin:/bin', TZ: 'GMT', ...libraries(part) }, ...nobody })
    await rm(`${dataDir}.new`, { recursive: true, force: true })
    await mkdir(dirname(dataDir), { recursive: true })
    await cp(fresh, `${dataDir}.new`, { recursive: true }) // perhaps to another file system, where a rename cannot go
    await chmod(`${dataDir}.new`, 0o700)
    if (owner) await chownTree(`${dataDir}.new`, owner)
    await rm(dataDir, { recursive: true, force: true })
    await rename(`${dataDir}.new`, dataDir)
  } finally {
    await rm(workshop, { recursive: true, force: true })
  }
}

function refuseVersion(found: string, part: Postgres): never {
  throw new Error(`the data are PostgreSQL ${found.trim()}'s, the program found is ${part.version}: install PostgreSQL ${found.trim()}, or start over with npm run reset`)
}

async function chownTree(root: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  await chown(root, uid, gid)
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) await chown(join(entry.parentPath, entry.name), uid, gid)
}

/** Writes the three files that are derived anew at every start. A running server takes them over on SIGHUP. */
export async function writeConfig(dataDir: string, text: { config: string; hostAccess: string; identities: string }, owner: Owner): Promise<void> {
  const files = { 'postgresql.conf': text.config, 'pg_hba.conf': text.hostAccess, 'pg_ident.conf': text.identities }
  for (const [name, content] of Object.entries(files)) await writePrivate(join(dataDir, name), content, owner)
  // A setting changed by ALTER SYSTEM would outlive and override the derived file.
  await writePrivate(join(dataDir, 'postgresql.auto.conf'), '', owner)
}

export const spawnSpec = (part: Postgres, dataDir: string): SpawnSpec => ({
  command: join(part.bin, 'postgres'),
  args: ['-D', dataDir],
  env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'GMT', ...libraries(part) },
  cwd: dirname(dataDir),
  stopSignal: 'SIGINT',
  reload: 'SIGHUP',
})

/**
 * Before each start: waits until no process of an earlier server works in the data directory, then takes its lock
 * file away. A killed server that nobody has reaped yet would otherwise stop the new one; unlinking without this
 * check would switch off PostgreSQL's own guard against two servers on one directory.
 */
export async function clearStaleLock(dataDir: string, timeoutMs = 10_000): Promise<void> {
  if (process.platform !== 'linux') return // without /proc PostgreSQL's own check decides
  const deadline = performance.now() + timeoutMs
  for (let users = await usersOf(dataDir); users.length > 0; users = await usersOf(dataDir)) {
    if (performance.now() > deadline) throw new Error(`another PostgreSQL (process ${users.join(', ')}) still works in ${dataDir}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await rm(join(dataDir, 'postmaster.pid'), { force: true })
}

/** Live processes that work in `directory`, by whatever path they know it; a zombie has no readable `exe`. */
async function usersOf(directory: string): Promise<string[]> {
  const own = await stat(directory)
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const seen = await Promise.all(pids.map(async (pid) => {
    const [cwd] = await Promise.all([stat(`/proc/${pid}/cwd`), readlink(`/proc/${pid}/exe`)]).catch(() => [undefined])
    return cwd?.ino === own.ino && cwd.dev === own.dev ? pid : ''
  }))
  return seen.filter(Boolean)
}
