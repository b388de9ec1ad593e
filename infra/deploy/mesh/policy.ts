/** Derives mesh policy from the model: for each workload, who may call it and whom it may call (S13.1, S13.2). */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { MeshPolicy, OpenApiDocument } from '@shop/chassis/mesh-policy.ts'
import { loadApi, readOpenApi, type Operation } from '@shop/chassis/operation.ts'
import type { System } from '../system.ts'

/** Addresses of parties that are not found through the registry: 'https://127.0.0.1:PORT' by name. */
export type FixedAddresses = Record<string, string>

/** Control-plane APIs that services call through their micro-gateway: name → operations. */
const CONTROL_PLANE: Record<string, string[]> = { access: ['evaluate'], monitor: ['ingestEvents', 'ingestTraces'] }

const root = new URL('../../../', import.meta.url)
const documents = new Map<string, OpenApiDocument>()

/** The OpenAPI document of a service, or of a component that has one. Read once. */
export function apiOf(system: System, name: string): OpenApiDocument {
  const folder = system.services.some((s) => s.name === name) ? 'services' : 'infra'
  let document = documents.get(name)
  if (!document) documents.set(name, (document = readOpenApi(new URL(`${folder}/${name}/openapi.yaml`, root))))
  return document
}

/** What is wrong with the model; empty when it is sound. Callers, topics and operations are checked by name. */
export function checkModel(system: System): string[] {
  const wrong: string[] = []
  const names = [...system.services.map((s) => s.name), ...system.components.map((c) => c.name)]
  const topics = new Map(system.services.flatMap((s) => s.publishes.map((t) => [t, s.name] as const)))
  for (const name of names) {
    if (!/^[a-z][a-z0-9]{1,30}$/.test(name)) wrong.push(`'${name}' is no name: lower-case letters and digits only`)
    if (names.filter((n) => n === name).length > 1) wrong.push(`'${name}' stands twice`)
  }
  for (const service of system.services) {
    const operations = loadApi(apiOf(system, service.name)).operations
    for (const [caller, allowed] of Object.entries(service.callers)) {
      if (!names.includes(caller)) wrong.push(`${service.name} names an unknown caller '${caller}'; known are ${names.join(', ')}`)
      for (const id of allowed) if (!operations.has(id)) wrong.push(`${service.name} lets ${caller} call '${id}', which its openapi.yaml does not have`)
    }
    for (const topic of service.publishes) if (topics.get(topic) !== service.name) wrong.push(`topic '${topic}' is published by ${topics.get(topic)} and ${service.name}; one may`)
    for (const topic of service.subscribes) if (!topics.has(topic)) wrong.push(`${service.name} subscribes to '${topic}', which nobody publishes`)
    for (const name of service.external ?? []) if (!system.components.some((c) => c.name === name && c.kind === 'external')) wrong.push(`${service.name} names an unknown external party '${name}'`)
  }
  return wrong
}

/** The policy of a service's micro-gateway, or of the edge (which nobody calls inside the mesh). */
export function meshPolicyFor(system: System, workload: string, fixed: FixedAddresses): MeshPolicy {
  const service = system.services.find((s) => s.name === workload)
  const outbound: MeshPolicy['outbound'] = {}
  for (const callee of system.services)
    if (callee.callers[workload]) outbound[callee.name] = { kind: 'mesh', operations: callee.callers[workload], api: apiOf(system, callee.name) }
  if (service) {
    for (const [name, operations] of Object.entries(CONTROL_PLANE)) outbound[name] = { kind: 'fixed', url: fixed[name]!, operations, api: apiOf(system, name) }
    for (const name of service.external ?? []) {
      const api = apiOf(system, name)
      outbound[name] = { kind: 'external', url: fixed[name]!, operations: [...loadApi(api).operations.keys()], api }
    }
  }
  const policy = { workload, inbound: { callers: service?.callers ?? {}, api: service ? apiOf(system, workload) : null }, outbound }
  return { version: createHash('sha256').update(JSON.stringify(policy)).digest('base64url').slice(0, 12), ...policy }
}

/** Topic → the service that publishes it, for the topics that a service reads. */
export const producersFor = (system: System, service: string): Record<string, string> =>
  Object.fromEntries(system.services.find((s) => s.name === service)!.subscribes.map((topic) => [topic, system.services.find((s) => s.publishes.includes(topic))!.name]))

/** Services that a workload may look up in the registry: those it may call. */
export const readableBy = (system: System, workload: string): string[] =>
  system.services.filter((s) => s.callers[workload]).map((s) => s.name)

type ExchangeOperation = Pick<Operation, 'id' | 'subjects' | 'isSingleUse'>

/** What exchange knows of each service: who may ask for a token to which operation. */
export const exchangeServices = (system: System): Record<string, { callers: Record<string, string[]>; operations: ExchangeOperation[] }> =>
  Object.fromEntries(system.services.map((s) => [s.name, { callers: s.callers, operations: operationsOf(system, s.name) }]))

const operationsOf = (system: System, name: string): ExchangeOperation[] =>
  [...loadApi(apiOf(system, name)).operations.values()].map(({ id, subjects, isSingleUse }) => ({ id, subjects, isSingleUse }))

/** The bundle that access loads: each service's policy.cedar with the operations it speaks of. */
export const accessPolicies = (system: System): { service: string; operations: { id: string; subjects: string[] }[]; cedar: string }[] =>
  system.services.map((s) => ({
    service: s.name,
    operations: operationsOf(system, s.name).map(({ id, subjects }) => ({ id, subjects })),
    cedar: readFileSync(new URL(`services/${s.name}/policy.cedar`, root), 'utf8'),
  }))
