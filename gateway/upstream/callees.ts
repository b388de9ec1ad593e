/** Whom this workload may call and how, from its mesh policy (S13.1, S13.2). */
import type { MeshPolicy } from '@shop/chassis/mesh-policy.ts'
import { loadApi, type Api, type Operation } from '@shop/chassis/operation.ts'
import { OperationUnknown } from '@shop/chassis/problem.ts'
import { headerAllowLists, type HeaderAllowList } from '../stages/header-allow-list.ts'

export type Callee = {
  name: string
  kind: 'mesh' | 'fixed' | 'external'
  /** Origin of a fixed or external callee. */
  origin: string
  /** Its operations that policy names; others do not exist for us. */
  api: Api
  headers: Map<string, HeaderAllowList>
}

/** Throws on an operation that the callee does not have, or a callee without an address. */
export function readCallees(outbound: MeshPolicy['outbound']): Map<string, Callee> {
  return new Map(Object.entries(outbound).map(([name, { kind, url, operations, api: document }]) => {
    const api = loadApi(document)
    const unknown = operations.filter((id) => !api.operations.has(id))
    if (unknown.length) throw new Error(`mesh policy: ${name} has no operation ${unknown.join(', ')}`)
    if (kind !== 'mesh' && !url) throw new Error(`mesh policy: ${name} is ${kind} and needs a url`)
    for (const id of [...api.operations.keys()]) if (!operations.includes(id)) api.operations.delete(id)
    const match: Api['match'] = (method, path) => {
      const found = api.match(method, path)
      if (!api.operations.has(found.operation.id)) throw OperationUnknown()
      return found
    }
    return [name, { name, kind, origin: url ? new URL(url).origin : '', api: { ...api, match }, headers: headerAllowLists(document, api.operations.values()) }]
  }))
}

/** Path and query of a call. Parameters are encoded once, each as one segment. */
export function pathOf(operation: Operation, params: Record<string, string>, query: string): string {
  let parts = templates.get(operation)
  if (!parts) templates.set(operation, (parts = operation.path.split(/[{}]/)))
  let path = parts[0]!
  for (let i = 1; i < parts.length; i += 2) path += encoded(params[parts[i]!] ?? '') + parts[i + 1]!
  return query === '' ? path : `${path}?${query}`
}

/** '/orders/{orderId}/events' → '/orders/', 'orderId', '/events'. */
const templates = new WeakMap<Operation, string[]>()

/** Ids, which nearly all parameters are, stay as they are. */
const encoded = (text: string): string => (/^[\w-]*$/.test(text) ? text : encodeURIComponent(text))
