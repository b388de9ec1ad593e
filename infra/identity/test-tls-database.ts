/** For system tests: a PostgreSQL as the shop runs it, TLS and certificates only, with one workload's database. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writePrivate } from '@shop/deploy/backing/files.ts'
import { migrate } from '@shop/deploy/backing/migrate.ts'
import { ensurePostgres } from '@shop/deploy/backing/parts.ts'
import { ensureRoles } from '@shop/deploy/backing/postgres-roles.ts'
import { connectAs, connectOwner, ready, type OwnerDoor } from '@shop/deploy/backing/postgres-roles.ts'
import { config, hostAccess, identities, initDatabase, migrator, OWNER, spawnSpec, writeConfig } from '@shop/deploy/backing/postgres.ts'
import type { ControlPlane } from '@shop/pki/test-control-plane.ts'

export async function startTlsDatabase(plane: ControlPlane, workload: string, migrations: string, port: number): Promise<{ database: { host: string; port: number; database: string; user: string }; stop(): Promise<void> }> {
  const part = await ensurePostgres({ cacheDir: join(import.meta.dirname, '../../.shop/cache/parts') })
  const owner = process.getuid?.() === 0 ? { uid: 21_900 + (process.pid % 90), gid: 65_534 } : undefined
  const folder = mkdtempSync(join(tmpdir(), 'shop-tls-pg-'))
  chmodSync(folder, 0o755)
  const data = join(folder, 'data')
  mkdirSync(join(folder, 'tls'), { mode: 0o755 })
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const issue = async (kind: string, name: string) => (await plane.admin<{ key: string; certificate: string; roots: string }>('POST', '/issue', { kind, name })).body
  const server = await issue('backing', 'postgres')
  const files = { certificate: join(folder, 'tls/server.pem'), key: join(folder, 'tls/server.key'), roots: join(folder, 'tls/roots.pem') }
  for (const [path, text] of [[files.certificate, server.certificate], [files.key, server.key], [files.roots, server.roots]] as const) await writePrivate(path, text, owner)
  await initDatabase(part, data, owner)
  await writeConfig(data, { config: config(port, files), hostAccess: hostAccess([workload]), identities: identities([workload]) }, owner)
  const spec = spawnSpec(part, data)
  const child = spawn('setpriv', [...(owner ? ['--reuid', `${owner.uid}`, '--regid', `${owner.gid}`, '--clear-groups'] : []), '--pdeathsig', 'KILL', spec.command, ...spec.args], { env: spec.env, cwd: spec.cwd, stdio: 'ignore' })
  const exited = once(child, 'exit')
  const runner = await issue('owner', OWNER)
  const door: OwnerDoor = { port, serverName: `postgres.${(await plane.launch('probe', ['mesh'])).names.trustDomain}`, tls: { ca: runner.roots, cert: runner.certificate, key: runner.key } }
  while (!(await ready(door))) await new Promise((resolve) => setTimeout(resolve, 50))
  await ensureRoles((database) => connectOwner(door, database), [workload])
  const client = await connectAs(door, migrator(workload), workload)
  await migrate(client, migrations, workload)
  await client.end()
  return {
    database: { host: '127.0.0.1', port, database: workload, user: workload },
    async stop() {
      child.kill('SIGQUIT')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
