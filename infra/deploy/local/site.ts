/** Everything that the parts of the runner share: where things are, who they run as, what they are told. */
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Names } from '@shop/chassis/launch.ts'
import { system } from '../system.ts'
import type { Checkout } from './checkout.ts'
import { chooseConfinement, type Confinement } from './confine.ts'
import { isRoot, ownFolder } from './files.ts'
import { planProcesses, present, type Lifetimes, type Plan, type PlannedProcess } from './plan.ts'
import { makeReachable } from './reachable.ts'
import { openRunDir, openSocketFolder, socketPath } from './run-dir.ts'
import { openSecrets } from './secrets.ts'

export type Site = {
  checkout: Checkout
  /** Everything the model has, with ports, whether it runs or not. */
  plan: Plan
  /** What runs: its code is there and it was not left out. */
  processes: PlannedProcess[]
  absent: string[]
  names: Names
  lifetimes: Lifetimes
  runDir: string
  secret(name: string): string
  confinement: Confinement
  hasOwnIds: boolean
  /** The path under which children find a path. */
  see(path: string): string
  /** A folder of that process alone for its data, as children find it. */
  stateFolder(name: string, owner?: string): string
  /** Where Node finds compiled code, as children find it. */
  codeFolder: string
  /** Made on the way: `<run>/<server>-<client>/s`. 'runner' is this process. */
  socket(server: string, client: string): string
  /** Its user id; this process's own for 'runner' and wherever ids are not kept apart. */
  uidOf(name: string): number
}

/** Packages of the machine's distribution, unpacked once for all checkouts. */
export const partsCache = () => isRoot ? '/var/cache/nist-microservices-shop' : join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'nist-microservices-shop')

/** What children must be able to read, beside the repository. */
export const keptPaths = () => [dirname(process.execPath), partsCache()]

export function openSite(checkout: Checkout, options: { instances: Record<string, number>; lifetimes: Lifetimes; only?: string[] }): Site {
  const whole = planProcesses(system, checkout.portBase, options.instances)
  const { plan: running, absent } = present(whole, checkout.repo, options.only)
  const runDir = openRunDir(checkout.id)
  mkdirSync(partsCache(), { recursive: true, mode: 0o755 })
  const { see } = makeReachable(checkout.repo, checkout.shopDir, keptPaths(), runDir, checkout.id)
  for (const kind of ['state', 'code']) mkdirSync(join(checkout.shopDir, kind), { recursive: true, mode: 0o711 })
  const confinement = chooseConfinement()
  const hasOwnIds = isRoot
  const own = process.getuid?.() ?? 0
  const uidOf = (name: string) => hasOwnIds ? whole.processes.find((one) => one.name === name)?.uid ?? own : own
  const withId = (one: PlannedProcess) => ({ ...one, uid: uidOf(one.name) })
  return {
    checkout, absent, runDir, confinement, hasOwnIds, uidOf, lifetimes: options.lifetimes,
    plan: { ...whole, processes: whole.processes.map(withId) },
    processes: running.processes.map(withId),
    names: { brand: system.brand, trustDomain: system.trustDomain, cookiePrefix: system.cookiePrefix, checkout: checkout.id },
    secret: openSecrets(checkout.shopDir),
    see,
    stateFolder: (name, owner = name) => see(ownFolder(join(checkout.shopDir, 'state', name), uidOf(owner))),
    codeFolder: see(join(checkout.shopDir, 'code')),
    socket: (server, client) => openSocketFolder(socketPath(runDir, server, client), uidOf(server), uidOf(client)),
  }
}
