/** The runner: brings the system up, keeps it up, answers commands, and takes it down in order. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { checkModel } from '../mesh/policy.ts'
import { system } from '../system.ts'
import { bringUp, type BringUp } from './bring-up.ts'
import type { Checkout } from './checkout.ts'
import { serveControl } from './control.ts'
import { describeEndpoints } from './endpoints.ts'
import { writeWhole } from './files.ts'
import { createInventory, instancesOf } from './inventory.ts'
import { createGrants, createVariants } from './lab.ts'
import { createLabInstances } from './lab-instances.ts'
import { originOf } from './launch-documents.ts'
import { createLeases } from './leases.ts'
import { rotateLogs } from './logs.ts'
import { measureMemory } from './memory.ts'
import { endOrphans, writeRecord } from './orphans.ts'
import type { Lifetimes } from './plan.ts'
import { takenPorts } from './ports.ts'
import { closeRunDir, socketPath } from './run-dir.ts'
import { summarize, type Screen } from './screen.ts'
import { openSite, type Site } from './site.ts'
import { describeStatus } from './status.ts'
import { runSteps } from './steps.ts'
import { watchStores } from './store-events.ts'
import { createSupervisor, type Supervisor } from './supervisor.ts'

export type RunOptions = { checkout: Checkout; instances: Record<string, number>; lifetimes: Lifetimes; only?: string[]; screen: Screen }
type Phase = 'starting' | 'ready' | 'stopping'

const RENEW_EVERY_MS = 60_000
const HOUSEKEEPING_EVERY_MS = 10_000
/** After a restart, so soon the endpoints name the new pid. */
const PUBLISH_EVERY_MS = 250

/** Runs until told to stop; answers the exit status. Throws when the system does not come up, after everything was taken down again. */
export async function runSystem({ checkout, instances, lifetimes, only, screen }: RunOptions): Promise<number> {
  const startedAt = new Date()
  const wrong = only ? [] : modelErrors()
  if (wrong.length > 0) throw new Error(`The system model cannot be used:\n${wrong.map((line) => `  ${line}`).join('\n')}`)
  const orphans = await endOrphans(checkout.shopDir)
  if (orphans.length > 0) screen.note(`ended what a killed runner left: ${orphans.join(', ')}`)
  const site = openSite(checkout, { instances, lifetimes, ...(only && { only }) })
  const taken = await takenPorts(site.processes.flatMap((one) => Object.entries(one.ports).map(([name, port]) => ({ port, by: `${one.name}, ${name}` }))))
  if (taken.length > 0) throw new Error(`${taken.join('\n')}\nEnd it, or set SHOP_PORT to the first of 100 free ports.`)

  const control = join(site.runDir, 'control')
  let isPublishedOld = false
  const supervisor = createSupervisor(checkout.shopDir, site.confinement, (children) => {
    writeRecord(checkout.shopDir, control, children)
    isPublishedOld = true
  })
  writeRecord(checkout.shopDir, control, [])
  const system_ = bringUp(site, supervisor, screen.note)
  const stop = Promise.withResolvers<string>()
  let phase: Phase = 'starting'
  const inventory = createInventory()
  const labInstances = createLabInstances(inventory, instancesOf(site.processes))
  const leases = createLeases(() => { if (phase === 'ready') publish() })
  const variants = createVariants(site, supervisor, leases, system_.specOf)
  const databases = [...new Set(site.processes.filter(({ hasDatabase }) => hasDatabase).map(({ workload }) => workload))]
  const grants = createGrants(system.services.map(({ name }) => name), databases, leases, (store, standing) => system_.hold(store, standing))
  const publish = () => {
    isPublishedOld = false
    writeWhole(join(checkout.shopDir, 'endpoints.json'), JSON.stringify(endpointsOf(site, supervisor, startedAt, control, leases.off()), null, 2))
  }
  const losses = () => [...site.confinement.losses, ...system_.notes]
  const closeControl = await serveControl(control, {
    'GET /status': async () => describeStatus({ phase, startedAt, losses: losses(), absent: site.absent, processes: site.processes, children: supervisor.list(), controlsOff: leases.off(), labInstances: labInstances.list() }),
    'POST /down': async () => { stop.resolve('npm run down') },
    'POST /restart': async ({ process }) => supervisor.signal(process, 'SIGTERM'),
    'POST /variant': variants.set,
    'POST /variant/back': variants.back,
    'POST /grant': grants.set,
    'POST /grant/back': grants.back,
    'POST /instance': async (body) => labInstances.set(body),
    'POST /instance/back': async (body) => labInstances.back(body),
    'POST /hold': (body) => holdIdentity(site, system_, body),
  })
  const unwatch = watchForStop((why) => stop.resolve(why))
  const closeInventory = site.processes.some(({ workload }) => workload === 'registrar')
    ? await serveControl(site.socket('runner', 'registrar'), { 'GET /inventory': ({ after }) => inventory.get(after === undefined ? undefined : Number(after)) }, 0o660)
    : async () => {}
  // Before the stores begin, so that no session of theirs is unknown.
  const stores = site.processes.filter(({ workload }) => ['postgres', 'rabbitmq', 'consul'].includes(workload))
  const refusals = watchStores(checkout.shopDir, stores, site.socket('monitor', 'runner'))
  const timers: NodeJS.Timeout[] = []
  const end = async () => {
    phase = 'stopping'
    for (const timer of timers) clearInterval(timer)
    leases.close()
    labInstances.close()
    rmSync(join(checkout.shopDir, 'endpoints.json'), { force: true })
    refusals.stop()
    await stopAll(site, supervisor)
    await closeInventory()
    await closeControl()
    rmSync(join(checkout.shopDir, 'runner.json'), { force: true })
    if (!process.env.SHOP_NAMESPACE) closeRunDir(checkout.id)
    unwatch()
  }

  try {
    const up = (async () => {
      inventory.set(instancesOf(site.processes))
      await runSteps(system_.steps, (event) => { if (phase === 'starting') screen.step(event) }, () => performance.now())
      if (site.processes.some(({ kind }) => kind === 'edge')) await reachable(site, system_.roots().doors)
    })()
    const early = await Promise.race([up, stop.promise])
    if (typeof early === 'string') {
      up.catch(() => {})
      screen.say(`Stopping (${early}) …`)
      await end()
      screen.say('Stopped.')
      return 0
    }
    phase = 'ready'
    publish()
    const pids = [process.pid, ...supervisor.list().flatMap(({ pid }) => pid ?? [])]
    screen.say(`\n${summarize({
      system, plan: site.plan, secret: site.secret, seconds: (Date.now() - startedAt.getTime()) / 1000, memoryBytes: measureMemory(pids), processes: pids.length, losses: losses(),
      ca: join(checkout.shopDir, 'doors.pem'), has: (name) => site.processes.some((one) => one.name === name),
    })}\n`)
    let isRenewing = false
    const renew = async () => {
      if (isRenewing) return
      isRenewing = true
      await system_.renew().catch((error: Error) => screen.note(`certificates: ${error.message}`))
      isRenewing = false
    }
    timers.push(
      setInterval(() => void renew(), Math.min(RENEW_EVERY_MS, lifetimes.backing * 100)),
      setInterval(() => rotateLogs(checkout.shopDir, refusals.read), HOUSEKEEPING_EVERY_MS),
      setInterval(() => { if (isPublishedOld) publish() }, PUBLISH_EVERY_MS),
    )
    screen.say(`Stopping (${await stop.promise}) …`)
  } catch (error) {
    await end()
    throw error
  }
  await end()
  screen.say('Stopped.')
  return 0
}

function modelErrors(): string[] {
  try {
    return checkModel(system)
  } catch (error) {
    return [(error as Error).message]
  }
}

function endpointsOf(site: Site, supervisor: Supervisor, startedAt: Date, control: string, controlsOff: { control: string; strategies: string[]; until?: string }[]) {
  const children = new Map(supervisor.list().map((child) => [child.name, child]))
  return describeEndpoints({
    system, plan: site.plan, startedAt, secret: site.secret, file: (path) => join(site.checkout.shopDir, path), socket: (server, client) => socketPath(site.runDir, server, client),
    running: site.processes.flatMap((one) => { const pid = children.get(one.name)?.pid; return pid ? [{ one, pid, uid: one.uid }] : [] }),
    runner: { pid: process.pid, uid: process.getuid?.() ?? 0, socket: control }, controlsOff,
  })
}

/** Healthy is what a visitor sees: the storefront's door answers from a service. */
async function reachable(site: Site, ca: string): Promise<void> {
  const agent = new Agent({ connect: { ca } })
  const url = `${originOf(site.plan, 'edge', 'web')}/api/products?pageSize=1`
  try {
    let last = ''
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(100)) {
      const answer = await request(url, { dispatcher: agent }).then(async ({ statusCode, body }) => ({ statusCode, text: await body.text() }), (error: Error) => ({ statusCode: 0, text: error.message }))
      if (answer.statusCode === 200) return
      last = `${answer.statusCode} ${answer.text.slice(0, 300)}`
    }
    throw new Error(`Everything runs, but the storefront does not answer from catalog: ${last}`)
  } finally {
    await agent.close()
  }
}

/** Doors first, then those who serve them, then what they stand on. */
async function stopAll(site: Site, supervisor: Supervisor): Promise<void> {
  const wave = (isIn: (kind: string, workload: string) => boolean) =>
    Promise.all(site.processes.filter((one) => isIn(one.kind, one.workload)).map((one) => supervisor.stop(one.name)))
  const isLast = (workload: string) => workload === 'pki' || workload === 'vault'
  await wave((kind) => kind === 'edge' || kind === 'external')
  await wave((kind) => kind === 'service' || kind === 'micro-gateway')
  await wave((kind, workload) => kind === 'control-plane' && !isLast(workload))
  await wave((kind, workload) => kind === 'infrastructure' || isLast(workload))
}

/** Signals, and the end of the process that started this one. A second signal, later than the terminal's own repetition, ends at once. */
function watchForStop(stop: (why: string) => void): () => void {
  const parent = Number(process.env.SHOP_PARENT_PID) || undefined
  let first: number | undefined
  const onSignal = (signal: string) => {
    if (first !== undefined && performance.now() - first > 1_000) process.exit(1)
    first ??= performance.now()
    stop(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  const timer = parent === undefined ? undefined : setInterval(() => { if (process.ppid !== parent) stop('the command that started it ended') }, 500)
  return () => {
    clearInterval(timer)
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** For `lab as NAME`: a one-time secret for that workload's certificates, and where the control plane and the stores are. */
async function holdIdentity(site: Site, { pki, roots, consulClient }: BringUp, { workload }: { workload: string }): Promise<unknown> {
  const isBeforeConsul = workload === 'registry' || workload === 'registrar'
  const own = site.processes.filter((one) => one.workload === workload && (isBeforeConsul || one.kind === 'micro-gateway' || one.kind === 'service' || one.kind === 'edge'))
  if (own.length === 0) throw new Error(`there is no service '${workload}', nor an edge, registry or registrar of that name`)
  const certificates = [...new Set(own.flatMap((one) => one.certificates))]
  const address = (name: string, port = 'mesh') => originOf(site.plan, name, port)
  return {
    enrolment: { pki: address('pki'), secret: await pki().register(`${workload}-lab`, workload, certificates), roots: roots().mesh, certificates },
    names: site.names, process: `${workload}-lab`, workload,
    places: {
      trustDomain: system.trustDomain, exchange: address('exchange'), registry: address('registry'), access: address('access'), monitor: address('monitor'),
      // The registry's gateway has no token of its own.
      ...(workload !== 'registry' && { consulToken: site.secret(`consul-token:${workload}`) }),
      ...(isBeforeConsul && { consul: { servers: site.processes.filter((one) => one.workload === 'consul').map(({ ports }) => `https://127.0.0.1:${ports.https}`), ca: roots().consul, ...consulClient(workload) } }),
      peers: Object.fromEntries(site.processes.filter(({ kind }) => kind === 'micro-gateway').map((one) => [one.name, `https://127.0.0.1:${one.ports.mesh}`])),
    },
  }
}
