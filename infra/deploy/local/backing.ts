/** PostgreSQL, RabbitMQ and Consul of this checkout: started, held to the model, their certificates renewed in place. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { definitions, RUNNER } from '../backing/broker-model.ts'
import { agentPolicy, ensureAcl, readerPolicy, registrarPolicy } from '../backing/consul-acl.ts'
import { ensureKeyring } from '../backing/consul-keyring.ts'
import * as consul from '../backing/consul.ts'
import { guestsOf, withoutBounds, withRules, type Grant, type Guest, type StoreName } from '../backing/grants.ts'
import { migrate } from '../backing/migrate.ts'
import type { Parts } from '../backing/parts.ts'
import * as postgres from '../backing/postgres.ts'
import { connectAs, connectOwner, ensureRoles, ready as postgresReady, type OwnerDoor } from '../backing/postgres-roles.ts'
import * as rabbitmq from '../backing/rabbitmq.ts'
import { readableBy } from '../mesh/policy.ts'
import { system } from '../system.ts'
import { keepCertificate, readKept, type Kept } from './certificates.ts'
import { ownFolder } from './files.ts'
import { consulTokenOf } from './launch-documents.ts'
import type { IssueRequest, Pki, Roots } from './pki-client.ts'
import type { PlannedProcess } from './plan.ts'
import { backingSpec, until } from './programs.ts'
import type { Site } from './site.ts'
import type { Supervisor } from './supervisor.ts'

/** `authority` is missing while pki is not up: then certificates of an earlier start are used while they are young. */
export type BackingInput = { site: Site; parts: Parts; supervisor: Supervisor; authority(): Promise<{ pki: Pki; roots: Roots }> }
export type Backing = {
  startPostgres(): Promise<void>
  startRabbitmq(): Promise<void>
  startConsul(): Promise<void>
  /** Roles and migrations; answers how many. */
  ensureDatabases(): Promise<string>
  /** Users, roles or tokens as the model has them, and what the lab lends. */
  hold(store: StoreName, grants?: Grant[]): Promise<void>
  /** Certificates that are due are replaced and their servers told. */
  renew(): Promise<void>
}

export function openBacking({ site, parts, supervisor, authority }: BackingInput): Backing {
  const own = process.getuid?.() ?? 0
  const only = (name: string) => site.plan.processes.find((one) => one.name === name) as PlannedProcess
  const servers = site.plan.processes.filter(({ workload }) => workload === 'consul')
  const ownerOf = (one: PlannedProcess) => site.hasOwnIds ? { uid: one.uid, gid: one.uid } : undefined
  /** Its data, which change hands when another block of ports gave it another user id. */
  const homeOf = ({ name, uid }: PlannedProcess, of = '') => {
    const folder = join(site.checkout.shopDir, 'state', `${name}${of}`)
    if (existsSync(folder)) ownFolder(folder, uid)
    return site.see(folder)
  }
  const serverName = (name: string) => `${name}.${site.names.trustDomain}`

  /** Young certificates are good without asking; an authority made anew since then is noticed by `renew`. */
  async function keep(folder: string, uid: number, request: IssueRequest, isRenewal = false): Promise<Kept & { isNew: boolean }> {
    const kept = isRenewal ? undefined : readKept(folder, new Date())
    if (kept) return { ...kept, isNew: false }
    const { pki, roots } = await authority()
    return keepCertificate(pki, folder, uid, request, request.kind.startsWith('consul') ? roots.consul : roots.mesh)
  }
  const certificateOf = (one: PlannedProcess, isRenewal?: boolean) =>
    keep(homeOf(one, '-tls'), one.uid, { kind: one.workload === 'consul' ? 'consul-server' : 'backing', name: one.name }, isRenewal)
  /** The runner's own, by common name. */
  const mine = (name: string, kind: 'owner' | 'consul-client' = 'owner') => keep(ownFolder(join(site.checkout.shopDir, 'certificates', name), own), own, { kind, name })
  const tlsOf = ({ roots, certificate, key }: Kept) => ({ ca: roots, cert: certificate, key })

  const ownerDoor = async (): Promise<OwnerDoor> => ({ port: only('postgres').ports.sql as number, serverName: serverName('postgres'), tls: tlsOf(await mine(postgres.OWNER)) })
  const brokerDoor = async () => ({ port: only('rabbitmq').ports.amqps as number, serverName: serverName('rabbitmq'), tls: tlsOf(await mine(RUNNER)) })
  const databases = [...new Set(site.plan.processes.filter(({ hasDatabase }) => hasDatabase).map(({ workload }) => workload))]
  const wanted = definitions(system.services)
  const place = () => ({ dir: homeOf(only('rabbitmq')), port: only('rabbitmq').ports.amqps as number, distributionPort: only('rabbitmq').ports.distribution as number })
  const consulDoor = async (ports = servers.map(({ ports }) => ports.https as number)) =>
    ({ ports, tls: tlsOf(await mine('runner-consul', 'consul-client')), token: site.secret('consul-management') })

  const dataDir = () => homeOf(only('postgres'))
  const configurePostgres = async (guests: Guest[]) => {
    const one = only('postgres')
    const { files } = await certificateOf(one)
    await postgres.writeConfig(dataDir(), { config: postgres.config(one.ports.sql as number, files), hostAccess: postgres.hostAccess(databases, guests), identities: postgres.identities(databases) }, ownerOf(one))
  }
  /** Users whom the lab has set free, and since when. */
  const unbound = new Map<string, number>()
  const holdStore: Record<StoreName, (grants: Grant[]) => Promise<void>> = {
    async broker(grants) {
      const since = Date.now()
      const narrowed = [...unbound].filter(([user]) => !grants.some(({ store, to }) => store === 'broker' && to === user)).map(([user, at]) => ({ user, since: at }))
      await rabbitmq.ensureUsers(parts.rabbitmq, place(), withoutBounds(wanted, grants), ownerOf(only('rabbitmq')), narrowed)
      for (const { user } of narrowed) unbound.delete(user)
      for (const { store, to } of grants) if (store === 'broker' && !unbound.has(to)) unbound.set(to, since)
    },
    async database(grants) {
      const door = await ownerDoor()
      await configurePostgres(guestsOf(grants))
      await ensureRoles((database) => connectOwner(door, database), databases, guestsOf(grants))
    },
    async registry(grants) {
      const names = system.services.map(({ name }) => name)
      const readers = [...names, 'edge'].filter((name) => readableBy(system, name).length > 0 || grants.some(({ to }) => to === name))
      const token = (policy: string, workload: string, secret = site.secret(consulTokenOf(workload))) => ({ policy, accessor: site.secret(`consul-accessor:${workload}`), secret })
      const client = consul.createConsulClient(await consulDoor())
      await ensureAcl(client, [agentPolicy, registrarPolicy(names), ...readers.map((name) => withRules(readerPolicy(name, readableBy(system, name)), name, grants))],
        [token('agent', 'agent', site.secret('consul-agent')), token('registrar', 'registrar'), ...readers.map((name) => token(`reader-${name}`, name))]).finally(() => client.close())
    },
    async gossip(grants) {
      const client = consul.createConsulClient(await consulDoor())
      await ensureKeyring(client, site.secret('consul-gossip'), grants.flatMap((grant) => (grant.store === 'gossip' ? [grant.key] : [])), (member) => servers.some(({ name }) => name === member)).finally(() => client.close())
    },
  }

  return {
    async startPostgres() {
      const one = only('postgres')
      await postgres.initDatabase(parts.postgres, dataDir(), ownerOf(one))
      await configurePostgres([])
      await ownerDoor()
      await supervisor.start(backingSpec(one, postgres.spawnSpec(parts.postgres, dataDir()), (signal) => until(async () => postgresReady(await ownerDoor()), signal), () => postgres.clearStaleLock(dataDir())))
    },
    async startRabbitmq() {
      const one = only('rabbitmq')
      const { files } = await certificateOf(one)
      await brokerDoor()
      await rabbitmq.prepare(parts.rabbitmq, place(), { pem: files.both, roots: files.roots }, wanted, site.secret('erlang-cookie'), ownerOf(one))
      await supervisor.start(backingSpec(one, rabbitmq.spawnSpec(parts.rabbitmq, place()), (signal) => until(async () => rabbitmq.ready(await brokerDoor()), signal, 200)))
    },
    async startConsul() {
      const ports = servers.map((one) => one.ports as consul.ConsulPorts)
      const secrets = { gossip: site.secret('consul-gossip'), management: site.secret('consul-management'), agent: site.secret('consul-agent') }
      await Promise.all(servers.map(async (one, index) => {
        const { files } = await certificateOf(one)
        const home = homeOf(one)
        await consul.prepare(home, consul.config(index, ports, join(home, 'data'), files, secrets, parts.consul.version), ownerOf(one))
        const isReady = async () => {
          const client = consul.createConsulClient(await consulDoor([one.ports.https as number]))
          return consul.ready(client).finally(() => client.close())
        }
        await supervisor.start(backingSpec(one, consul.spawnSpec(parts.consul, home), (signal) => until(isReady, signal)))
      }))
    },
    async ensureDatabases() {
      const door = await ownerDoor()
      await holdStore.database([])
      let ran = 0
      for (const name of databases)
        for (const [table, folder] of migrationFolders(site, name)) {
          const client = await connectAs(door, postgres.migrator(name), name)
          try {
            ran += (await migrate(client, folder, table)).length
          } catch (error) {
            throw new Error(`migrations of ${name} (${folder}): ${(error as Error).message}`, { cause: error })
          } finally {
            await client.end()
          }
        }
      return `${databases.length} databases${ran ? `, ${ran} migrations` : ''}`
    },
    hold: (store, grants = []) => holdStore[store](grants),
    async renew() {
      await authority()
      await Promise.all([ownerDoor(), brokerDoor(), consulDoor()])
      for (const one of [only('postgres'), only('rabbitmq'), ...servers]) {
        if (!supervisor.list().some(({ name }) => name === one.name)) continue
        const { isNew } = await certificateOf(one, true)
        if (isNew && one.workload !== 'rabbitmq') supervisor.signal(one.name, 'SIGHUP') // RabbitMQ looks for itself
      }
    },
  }
}

/** Record name → folder: the workload's own migrations, and for services the chassis's (outbox, inbox, idempotency) before them. */
function migrationFolders(site: Site, workload: string): [string, string][] {
  const one = site.plan.processes.find((other) => other.workload === workload && other.hasDatabase) as PlannedProcess
  const folders: [string, string][] = [...(one.kind === 'service' ? [['chassis', 'infra/chassis/migrations'] as [string, string]] : []), [workload, join(one.entry as string, '../migrations')]]
  return folders.map(([table, folder]): [string, string] => [table, join(site.checkout.repo, folder)]).filter(([, folder]) => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.sql')))
}
