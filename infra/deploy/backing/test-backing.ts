/** All backing processes for real in a temporary folder, as the supervisor would start them. For `*.system.test.ts`. */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Service } from '@shop/chassis/service.ts'
import * as broker from './broker-model.ts'
import * as consul from './consul.ts'
import { agentPolicy, ensureAcl, readerPolicy, registrarPolicy, type Policy, type Token } from './consul-acl.ts'
import { makePrivate, writePrivate } from './files.ts'
import type { Guest } from './grants.ts'
import { ensureParts } from './parts.ts'
import * as postgres from './postgres.ts'
import * as roles from './postgres-roles.ts'
import * as rabbitmq from './rabbitmq.ts'
import type { Owner, SpawnSpec } from './spawn-spec.ts'
import { testAuthority } from './test-authority.ts'

const CACHE = join(import.meta.dirname, '../../../.shop/cache/parts')
const TRUST_DOMAIN = 'test.test'
export type Backing = Awaited<ReturnType<typeof startBacking>>

export async function startBacking(services: Service[], portBase: number) {
  const parts = await ensureParts({ cacheDir: CACHE })
  const root = await mkdtemp(join(tmpdir(), 'shop-backing-'))
  await chmod(root, 0o755)
  const [data, servers] = await Promise.all([testAuthority('data'), testAuthority('consul')])
  const owner = (index: number): Owner => (process.getuid?.() === 0 ? { uid: portBase + index, gid: portBase + index } : undefined)
  const children = new Map<string, ChildProcess>()
  const logs = new Map<string, string>()

  function start(name: string, spec: SpawnSpec, as: Owner): void {
    const flags = [...(as ? ['--reuid', `${as.uid}`, '--regid', `${as.gid}`, '--clear-groups'] : []), '--no-new-privs', '--pdeathsig', 'KILL']
    const child = spawn('setpriv', [...flags, spec.command, ...spec.args], { cwd: spec.cwd, env: spec.env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => logs.set(name, ((logs.get(name) ?? '') + text).slice(-20_000)))
    children.set(name, child)
  }
  async function until(name: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 60_000
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error(`${name} is not ready: ${logs.get(name)}`)
      const child = children.get(name)
      if (child?.exitCode !== null || child.signalCode) throw new Error(`${name} ended: ${logs.get(name)}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  async function stop(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = children.get(name)
    if (!child || child.exitCode !== null || child.signalCode) return
    child.kill(signal)
    await once(child, 'exit')
  }

  // PostgreSQL
  const pgDir = join(root, 'pg')
  const dataDir = join(pgDir, 'data')
  const pgFiles = { certificate: join(pgDir, 'tls.pem'), key: join(pgDir, 'tls.key'), roots: join(pgDir, 'roots.pem') }
  const ownerLeaf = await data.issue('owner')
  const sql: roles.OwnerDoor = { port: portBase, serverName: `postgres.${TRUST_DOMAIN}`, tls: { ca: data.ca, ...ownerLeaf } }
  const workloads = services.map(({ name }) => name)
  async function writePgCertificate(): Promise<void> {
    const leaf = await data.issue('postgres', [sql.serverName])
    await writePrivate(pgFiles.certificate, leaf.cert, owner(0))
    await writePrivate(pgFiles.key, leaf.key, owner(0))
  }
  const configurePostgres = (guests: Guest[] = []) =>
    postgres.writeConfig(dataDir, { config: postgres.config(portBase, pgFiles), hostAccess: postgres.hostAccess(workloads, guests), identities: postgres.identities(workloads) }, owner(0))
  async function holdRoles(names = workloads, guests: Guest[] = []): Promise<void> {
    await configurePostgres(guests)
    await roles.ensureRoles((database) => roles.connectOwner(sql, database), names, guests)
  }
  async function startPostgres(): Promise<void> {
    await makePrivate(pgDir, owner(0))
    await postgres.initDatabase(parts.postgres, dataDir, owner(0))
    await writePgCertificate()
    await writePrivate(pgFiles.roots, data.ca, owner(0))
    await configurePostgres()
    await postgres.clearStaleLock(dataDir)
    start('postgres', postgres.spawnSpec(parts.postgres, dataDir), owner(0))
    await until('postgres', () => roles.ready(sql))
    await holdRoles()
  }

  // RabbitMQ
  const place = { dir: join(root, 'mq'), port: portBase + 1, distributionPort: portBase + 2 }
  const mqFiles = { pem: join(place.dir, 'tls.pem'), roots: join(place.dir, 'roots.pem') }
  const runner: rabbitmq.RunnerDoor = { port: place.port, serverName: `rabbitmq.${TRUST_DOMAIN}`, tls: { ca: data.ca, ...(await data.issue(broker.RUNNER)) } }
  const definitions = broker.definitions(services)
  const cookie = randomBytes(24).toString('hex')
  async function writeMqCertificate(): Promise<void> {
    const leaf = await data.issue('rabbitmq', [runner.serverName])
    await writePrivate(mqFiles.pem, rabbitmq.onePem(leaf.cert, leaf.key), owner(1))
  }
  const holdBroker = (wanted = definitions, narrowed: rabbitmq.Narrowed[] = []) => rabbitmq.ensureUsers(parts.rabbitmq, place, wanted, owner(1), narrowed)
  async function startRabbitmq(): Promise<void> {
    await rabbitmq.prepare(parts.rabbitmq, place, mqFiles, definitions, cookie, owner(1))
    await writeMqCertificate()
    await writePrivate(mqFiles.roots, data.ca, owner(1))
    start('rabbitmq', rabbitmq.spawnSpec(parts.rabbitmq, place), owner(1))
    await until('rabbitmq', () => rabbitmq.ready(runner))
    await holdBroker()
  }

  // Consul
  const ports = [0, 1, 2].map((i) => ({ https: portBase + 10 + i * 3, server: portBase + 11 + i * 3, serf: portBase + 12 + i * 3 }))
  const secrets = { gossip: randomBytes(32).toString('base64'), management: randomUUID(), agent: randomUUID() }
  const consulClient = await servers.issue('registrar')
  const consulTls = { ca: servers.ca, ...consulClient }
  const token = (policy: string, secret: string = randomUUID()): Token => ({ policy, accessor: randomUUID(), secret })
  const tokens = { registrar: token('registrar'), 'reader-edge': token('reader-edge'), agent: token('agent', secrets.agent) }
  const consulAs = (secret: string, door: Partial<consul.ConsulDoor> = {}) => consul.createConsulClient({ ports: ports.map(({ https }) => https), tls: consulTls, token: secret, ...door })
  const policies: Policy[] = [registrarPolicy(workloads), readerPolicy('edge', [workloads[0] as string]), agentPolicy]
  async function holdAcl(policiesWanted = policies, tokensWanted: Token[] = Object.values(tokens)): Promise<void> {
    const client = consulAs(secrets.management)
    await ensureAcl(client, policiesWanted, tokensWanted).finally(() => client.close())
  }
  async function writeConsulCertificate(index: number): Promise<void> {
    const dir = join(root, `consul-${index + 1}`)
    const leaf = await servers.issue(`consul-${index + 1}`, [consul.SERVER_NAME, 'localhost'])
    await writePrivate(join(dir, 'tls.pem'), leaf.cert, owner(2))
    await writePrivate(join(dir, 'tls.key'), leaf.key, owner(2))
  }
  async function startConsul(): Promise<void> {
    for (const [index] of ports.entries()) {
      const dir = join(root, `consul-${index + 1}`)
      const files = { certificate: join(dir, 'tls.pem'), key: join(dir, 'tls.key'), roots: join(dir, 'roots.pem') }
      await consul.prepare(dir, consul.config(index, ports, join(dir, 'data'), files, secrets, parts.consul.version), owner(2))
      await writeConsulCertificate(index)
      await writePrivate(files.roots, servers.ca, owner(2))
      start(`consul-${index + 1}`, consul.spawnSpec(parts.consul, dir), owner(2))
    }
    for (const [index, { https }] of ports.entries()) {
      const client = consulAs(secrets.management, { ports: [https] })
      await until(`consul-${index + 1}`, () => consul.ready(client)).finally(() => client.close())
    }
    await holdAcl()
  }

  const startAll = async () => { await Promise.all([startRabbitmq(), startPostgres(), startConsul()]) }
  await startAll().catch(async (error) => {
    for (const name of children.keys()) await stop(name, 'SIGKILL')
    throw error
  })
  return {
    parts, root, data, servers, sql, runner, place, ports, secrets, tokens, consulTls, consulAs, definitions, workloads, policies, dataDir, children, logs, until,
    holdBroker, holdAcl, holdRoles, startAll, startPostgres, writePgCertificate, writeMqCertificate, writeConsulCertificate,
    kill: () => Promise.all([...children.keys()].map((name) => stop(name, 'SIGKILL'))),
    async stop() {
      await Promise.all([...children.keys()].map((name) => stop(name, name === 'postgres' ? 'SIGINT' : 'SIGTERM')))
      await rm(root, { recursive: true, force: true })
    },
  }
}
