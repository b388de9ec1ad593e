/** The bootstrap: idempotent steps, the same at every start, as parallel as they can be. */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { system } from '../system.ts'
import { ensureParts, type Parts } from '../backing/parts.ts'
import { openBacking, type Backing } from './backing.ts'
import { PARTNERS, demoAccounts, hasCertificate } from './accounts.ts'
import { keepCertificate, type Kept } from './certificates.ts'
import { compileOnce } from './compiled-code.ts'
import { ownFolder, writeWhole } from './files.ts'
import { forgetOnChange } from './forget-on-change.ts'
import { describeLaunch, originOf, type Material } from './launch-documents.ts'
import { connectPki, type Pki, type Roots } from './pki-client.ts'
import type { Hold } from './lab.ts'
import type { PlannedProcess } from './plan.ts'
import { partsCache, type Site } from './site.ts'
import { nodeSpec, type Enroller, type Variant } from './programs.ts'
import type { Step } from './steps.ts'
import type { Spec, Supervisor } from './supervisor.ts'

export type BringUp = {
  steps: Step[]
  /** The spec of one of our own processes, plain or as a lab variant. */
  specOf(one: PlannedProcess, variant?: Variant): Spec
  pki(): Pki
  roots(): Roots
  /** Holds a store to the model and to what the lab lends there. */
  hold: Hold
  /** How a part of the control plane that speaks to Consul is known there. */
  consulClient(name: string): { certificate: string; key: string }
  /** Certificates that the runner keeps: renewed when due, their readers told. */
  renew(): Promise<void>
  notes: string[]
}

const DOOR_PORTS = ['web', 'mobile', 'partner', 'door']

export function bringUp(site: Site, supervisor: Supervisor, say: (text: string) => void): BringUp {
  const { checkout, processes } = site
  const notes: string[] = []
  const doors = new Map<string, Kept>()
  const consulClients = new Map<string, Kept>()
  let parts: Parts
  let pki: Pki
  let roots: Roots
  let backing: Backing
  /** Whoever needs a new certificate waits until pki is up. */
  const authority = Promise.withResolvers<{ pki: Pki; roots: Roots }>()
  authority.promise.catch(() => {})

  const own = process.getuid?.() ?? 0
  const mine = (folder: string) => join(checkout.shopDir, folder)
  const material = (): Material => ({
    system, plan: site.plan, lifetimes: site.lifetimes, roots, softhsm: parts.softhsm.library,
    secret: site.secret,
    socket: site.socket,
    stateFolder: (one) => site.stateFolder(one.name),
    get doorsFolder() { return site.stateFolder('doors', 'pki') },
    door: (name) => held(doors, name),
    consulClient: (name) => held(consulClients, name),
  })
  const enroller = (): Enroller => ({ pki, meshRoots: roots.mesh, pkiOrigin: originOf(site.plan, 'pki', 'mesh') })
  /** One that only starts keeps nothing yet, and cannot hear. */
  const forgetting = forgetOnChange(() => {
    const serving = new Set(supervisor.list().filter(({ state }) => state === 'ready').map(({ name }) => name))
    for (const { name, kind } of processes) if ((kind === 'edge' || kind === 'micro-gateway') && serving.has(name)) supervisor.signal(name, 'SIGHUP')
  })
  const specOf = (one: PlannedProcess, variant?: Variant) => {
    const isBeforePki = one.workload === 'vault' || one.workload === 'pki'
    const libraries: Record<string, string> = one.workload === 'vault' && parts.libraryPath ? { LD_LIBRARY_PATH: parts.libraryPath } : {}
    const spec = nodeSpec(site, one, () => describeLaunch(one, material()), isBeforePki ? undefined : enroller(), libraries, variant)
    return one.workload === 'access' ? forgetting(spec) : spec
  }

  /** Doors, Consul's clients, partners and people; answers which processes were given a new one. Those of backing servers are kept where these are started. */
  async function keepCertificates(): Promise<string[]> {
    roots = await pki.roots()
    writeWhole(mine('doors.pem'), roots.doors, 0o644)
    const mineAlone = (folder: string, request: Parameters<Pki['issue']>[0], root: string) => keepCertificate(pki, ownFolder(mine(folder), own), own, request, root)
    const renewed: string[] = []
    for (const one of processes.filter(({ ports }) => DOOR_PORTS.some((port) => port in ports))) {
      const names = one.kind === 'external' ? { ipAddresses: ['127.0.0.1'] } : { dnsNames: ['localhost'] }
      const kept = await mineAlone(`certificates/${one.name}`, { kind: 'door', name: one.name, ...names }, roots.doors)
      doors.set(one.name, kept)
      if (kept.isNew) renewed.push(one.name)
    }
    for (const one of processes.filter(({ workload }) => workload === 'registry' || workload === 'registrar')) {
      const kept = await mineAlone(`certificates/consul-client-${one.name}`, { kind: 'consul-client', name: one.name }, roots.consul)
      consulClients.set(one.name, kept)
      if (kept.isNew) renewed.push(one.name)
    }
    for (const { clientId } of PARTNERS) await mineAlone(`clients/${clientId}`, { kind: 'partner', name: clientId }, roots.partners)
    for (const { username } of demoAccounts(system.trustDomain).filter(hasCertificate)) await mineAlone(`clients/${username}`, { kind: 'user', name: username }, roots.users)
    return renewed
  }

  const begin = (one: PlannedProcess) => supervisor.start(specOf(one))
  const after = (one: PlannedProcess): string[] => {
    if (one.workload === 'vault') return ['parts', 'code']
    if (one.workload === 'pki') return ['vault']
    if (one.kind === 'edge') return processes.filter((other) => other.entry && other !== one).map(({ name }) => name)
    return ['certificates', ...(one.hasDatabase ? ['databases'] : []), ...(one.kind === 'service' ? ['messages'] : []), ...(['registry', 'registrar'].includes(one.workload) ? ['access rights'] : []),
      ...(one.kind === 'micro-gateway' ? [`${one.workload}-${one.instance}`, 'exchange', 'registry'] : [])]
  }
  const isWanted = (workload: string) => processes.some((one) => one.workload === workload)

  const steps: Step[] = [
    { name: 'parts', after: [], run: async () => {
      parts = visible(await ensureParts({ cacheDir: partsCache(), onProgress: say }), site.see)
      backing = openBacking({ site, parts, supervisor, authority: () => authority.promise })
      notes.push(...parts.notes)
      return `PostgreSQL ${parts.postgres.version}, RabbitMQ ${parts.rabbitmq.version}, Consul ${parts.consul.version}`
    } },
    { name: 'code', after: [], run: async () => compileOnce({
      repo: checkout.repo, folder: mine('code'), seen: site.codeFolder, confinement: site.confinement, compiler: site.see(join(checkout.repo, 'infra/deploy/local/compile.ts')),
      programs: [...new Set(processes.flatMap(({ entry }) => entry ?? [])), ...globSync('infra/lab/*.ts', { cwd: checkout.repo, exclude: (name) => name.endsWith('.test.ts') })].map((entry) => site.see(join(checkout.repo, entry))), uids: [...new Set(processes.map(({ uid }) => uid))],
    }) },
    ...processes.filter((one) => one.entry).map((one): Step => ({
      name: one.name, after: after(one),
      async run() {
        await begin(one)
        if (one.workload === 'pki') pki = connectPki(site.socket('pki', 'runner'))
      },
    })),
    { name: 'certificates', after: ['pki'], run: async () => {
      await keepCertificates()
      authority.resolve({ pki, roots })
      await backing.renew()
    } },
    ...(isWanted('postgres') ? [
      { name: 'postgres', after: ['parts'], run: () => backing.startPostgres() },
      { name: 'databases', after: ['postgres'], run: () => backing.ensureDatabases() },
    ] : []),
    ...(isWanted('rabbitmq') ? [
      { name: 'rabbitmq', after: ['parts'], run: () => backing.startRabbitmq() },
      { name: 'messages', after: ['rabbitmq'], run: () => backing.hold('broker') },
    ] : []),
    ...(isWanted('consul') ? [
      { name: 'consul', after: ['parts'], run: () => backing.startConsul() },
      { name: 'access rights', after: ['consul'], run: async () => { await backing.hold('registry'); await backing.hold('gossip') } },
    ] : []),
  ]

  return {
    steps, specOf, notes,
    pki: () => pki,
    roots: () => roots,
    hold: (store, grants) => backing.hold(store, grants),
    consulClient: (name) => held(consulClients, name),
    async renew() {
      const renewed = await keepCertificates()
      await backing.renew()
      // Their launch document holds the certificate, so they are started with the new one: the edge before the old one goes.
      for (const one of processes.filter(({ name }) => renewed.includes(name))) {
        if (one.kind === 'edge') await supervisor.replace(specOf(one))
        else supervisor.signal(one.name, 'SIGTERM')
      }
    },
  }
}

/** Parts with every path as children find it. */
function visible(parts: Parts, see: (path: string) => string): Parts {
  return JSON.parse(JSON.stringify(parts), (_, value) => typeof value === 'string' && value.startsWith('/') ? value.split(':').map(see).join(':') : value)
}

function held(map: Map<string, Kept>, name: string): Kept {
  const kept = map.get(name)
  if (!kept) throw new Error(`there is no certificate for ${name} yet`)
  return kept
}
