/** vitest global set-up: one throw-away PostgreSQL for all `*.store.test.ts`, on a Unix socket that only this user can reach. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { ensurePostgres } from './parts.ts'
import { initDatabase, OWNER, SIZES, spawnSpec, writeConfig } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the server's socket; its superuser is `owner`, and whoever can open the socket is trusted. */
    postgresSocket: string
  }
}

const CACHE = join(import.meta.dirname, '../../../.shop/cache/parts')

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const part = await ensurePostgres({ cacheDir: CACHE, onProgress: (text) => console.log(`PostgreSQL: ${text}`) })
  const folder = await mkdtemp(join(tmpdir(), 'shop-pg-'))
  const data = join(folder, 'data')
  // PostgreSQL refuses root. Any other id will do: nobody else is meant to own what lies here.
  const owner = process.getuid?.() === 0 ? { uid: 21_000 + (process.pid % 1_000), gid: 65_534 } : undefined
  if (owner) await chown(folder, owner.uid, owner.gid)
  await initDatabase(part, data, owner)
  const config = `listen_addresses = ''\nunix_socket_directories = '${folder}'\n${SIZES}fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n`
  await writeConfig(data, { config, hostAccess: 'local all all trust\n', identities: '' }, owner)
  const { command, args, env, cwd } = spawnSpec(part, data)
  const [program, ...rest] = process.platform === 'linux'
    ? ['setpriv', ...(owner ? ['--reuid', `${owner.uid}`, '--regid', `${owner.gid}`, '--clear-groups'] : []), '--pdeathsig', 'KILL', command, ...args]
    : [command, ...args]
  const server = spawn(program as string, rest, { env, cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  server.stderr.setEncoding('utf8').on('data', (text) => { said = (said + text).slice(-4000) })
  const exited = once(server, 'exit')
  while (!(await answers(folder))) {
    if (server.exitCode !== null || server.signalCode) throw new Error(`PostgreSQL did not start: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  project.provide('postgresSocket', folder)
  return async () => {
    server.kill('SIGQUIT') // nothing is worth keeping
    await exited
    await rm(folder, { recursive: true, force: true })
  }
}

async function answers(host: string): Promise<boolean> {
  const client = new pg.Client({ host, user: OWNER, database: 'postgres' })
  return client.connect().then(() => client.end().then(() => true), () => false)
}
