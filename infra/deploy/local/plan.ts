/** Which processes a system has, derived from the model: names, user ids, ports, order. Pure. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { System } from '../system.ts'

type Kind = 'service' | 'micro-gateway' | 'edge' | 'infrastructure' | 'control-plane' | 'external'

export type PlannedProcess = {
  /** 'order-1', 'order-1-gateway', 'edge', 'consul-2'. */
  name: string
  kind: Kind
  /** The model's name: 'order', 'edge', 'consul'. */
  workload: string
  instance: number
  /** Its main.ts below the repository; null for programs that are not ours. */
  entry: string | null
  /** User and group id where the runner is root: the numbers of the port block, so that two checkouts differ. */
  uid: number
  /** Listening ports by name, on 127.0.0.1. */
  ports: Record<string, number>
  certificates: ('mesh' | 'data')[]
  hasDatabase: boolean
  memoryMb: number
}

export type Plan = {
  processes: PlannedProcess[]
  /** Kept closed: where the registry's DNS door would stand if it had one (S3.4); each micro-gateway has its own resolver (S7.3). */
  dnsPort: number
}

/** Ports, and user ids, that one checkout owns. */
export const BLOCK = 100
const BACKING = [
  { name: 'postgres', workload: 'postgres', instance: 1, ports: ['sql'], memoryMb: 128 },
  { name: 'rabbitmq', workload: 'rabbitmq', instance: 1, ports: ['amqps', 'distribution'], memoryMb: 256 },
  ...[1, 2, 3].map((instance) => ({ name: `consul-${instance}`, workload: 'consul', instance, ports: ['https', 'server', 'serf'], memoryMb: 64 })),
]

/**
 * Doors take the first ports of the block, so that they are the ones a person remembers. Throws when an instance count
 * names no service or the block is too small.
 */
export function planProcesses(system: System, portBase: number, instances: Record<string, number> = {}): Plan {
  for (const name of Object.keys(instances))
    if (!system.services.some((service) => service.name === name)) throw new Error(`instances: there is no service '${name}', only ${system.services.map((service) => service.name).join(', ')}`)
  const drafts: (Omit<PlannedProcess, 'uid' | 'ports'> & { portNames: string[] })[] = [
    ...system.components.map((component) => ({
      ...component, workload: component.name, instance: 1, memoryMb: component.limits.memoryMb, portNames: component.ports,
      entry: component.kind === 'edge' ? `gateway/${component.name}/main.ts` : `infra/${component.name}/main.ts`,
    })).map(({ limits, ports, ...rest }) => rest),
    ...BACKING.map(({ ports, ...rest }) => ({ ...rest, kind: 'infrastructure' as const, entry: null, certificates: [], hasDatabase: false, portNames: ports })),
    ...system.services.flatMap((service) => Array.from({ length: instances[service.name] ?? service.instances ?? 1 }, (_, index) => [
      { name: `${service.name}-${index + 1}`, kind: 'service' as const, workload: service.name, instance: index + 1, entry: `services/${service.name}/main.ts`, certificates: ['data' as const], hasDatabase: true, memoryMb: service.limits.memoryMb, portNames: [] },
      { name: `${service.name}-${index + 1}-gateway`, kind: 'micro-gateway' as const, workload: service.name, instance: index + 1, entry: 'gateway/micro/main.ts', certificates: ['mesh' as const], hasDatabase: false, memoryMb: 128, portNames: ['mesh', 'dns'] },
    ]).flat()),
  ]
  let nextPort = portBase
  const ports = new Map<string, number>()
  const take = (isTaken: (draft: (typeof drafts)[number], port: string) => boolean) => {
    for (const draft of drafts) for (const port of draft.portNames) if (!ports.has(`${draft.name}/${port}`) && isTaken(draft, port)) ports.set(`${draft.name}/${port}`, nextPort++)
  }
  take((draft) => draft.kind === 'edge')
  take((_, port) => port === 'door')
  take(() => true)
  const dnsPort = nextPort++
  if (Math.max(nextPort - portBase, drafts.length) > BLOCK) throw new Error(`${drafts.length} processes need more than the ${BLOCK} ports of this checkout's block: ask for fewer instances`)
  return {
    dnsPort,
    processes: drafts.map(({ portNames, ...draft }, index) => ({
      ...draft, uid: portBase + index, ports: Object.fromEntries(portNames.map((port) => [port, ports.get(`${draft.name}/${port}`) as number])),
    })),
  }
}

/** 'order=3,catalog=2' → { order: 3, catalog: 2 }. Throws with what is allowed. */
export function parseInstances(text: string): Record<string, number> {
  return Object.fromEntries(text.split(',').filter(Boolean).map((pair) => {
    const [, name, count] = pair.trim().match(/^([a-z][a-z0-9-]*)=([1-9]|[12][0-9])$/) ?? []
    if (!name) throw new Error(`instances: '${pair}' is not NAME=COUNT with a count from 1 to 29, as in order=3`)
    return [name, Number(count)]
  }))
}

/** Seconds: certificates of the mesh, for data, of backing servers; signing keys of identity and exchange. */
export type Lifetimes = { mesh: number; data: number; backing: number; keys: number }
export const LIFETIMES: Lifetimes = { mesh: 3_600, data: 604_800, backing: 604_800, keys: 86_400 }

/** 'mesh=20,keys=30': shorter lives, to watch renewal. Throws with what is allowed. */
export function parseLifetimes(text: string): Lifetimes {
  return Object.assign({ ...LIFETIMES }, ...text.split(',').filter(Boolean).map((pair) => {
    const [, name, seconds] = pair.trim().match(/^(mesh|data|backing|keys)=([1-9]\d{0,6})$/) ?? []
    if (!name || Number(seconds) < 10 || Number(seconds) > LIFETIMES[name as keyof Lifetimes]) throw new Error(`lifetimes: '${pair}' is not mesh, data, backing or keys = seconds, from 10 to ${JSON.stringify(LIFETIMES)}`)
    return { [name]: Number(seconds) }
  }))
}

/** Without those whose code is not there, and with `only` nothing but the named workloads. */
export function present(plan: Plan, repo: string, only?: string[]): { plan: Plan; absent: string[] } {
  const isThere = (one: PlannedProcess) => one.entry === null || existsSync(join(repo, one.entry))
  const isWanted = (one: PlannedProcess) => !only || only.includes(one.workload) || only.includes(one.name)
  return {
    plan: { ...plan, processes: plan.processes.filter((one) => isThere(one) && isWanted(one)) },
    absent: plan.processes.filter((one) => !isThere(one)).map((one) => one.name),
  }
}
