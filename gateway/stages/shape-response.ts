import type { EdgeCall } from '../edge/call.ts'
import { UpstreamUnusable } from '../edge/problems.ts'
import type { Stage } from '../pipeline.ts'

type Json = Record<string, any>

/**
 * Only fields that the public API declares leave the shop, whatever a service answers (G2). The document is the allow
 * list; an answer that lacks what it promises is an error of ours, not the client's problem.
 */
export const shapeResponse = (document: Json): Stage<EdgeCall> => async (call, next) => {
  await next()
  const { answer, target } = call
  if (target?.kind !== 'operation' || !answer || answer.headers['content-type'] !== 'application/json' || typeof answer.body !== 'string') return
  const schema = target.operation.spec['responses'][String(answer.status)]?.content?.['application/json']?.schema as Json | undefined
  if (!schema) return
  const shaped = project(schema, JSON.parse(answer.body), document)
  const wrong = target.operation.checkResponse(answer.status, 'application/json', shaped)
  if (wrong) throw UpstreamUnusable({ evidence: { reason: wrong.slice(0, 200) } })
  answer.body = JSON.stringify(shaped)
}

/** `value` with declared properties only, at every depth. */
export function project(schema: Json, value: unknown, document: Json): unknown {
  if (typeof schema['$ref'] === 'string') return project(schema['$ref'].slice(2).split('/').reduce((at: Json, key: string) => at[key], document), value, document)
  if (schema['oneOf']) return value === null ? null : project((schema['oneOf'] as Json[]).find((s) => s['type'] !== 'null') ?? {}, value, document)
  if (Array.isArray(value)) return schema['items'] ? value.map((item) => project(schema['items'], item, document)) : value
  if (value === null || typeof value !== 'object' || !schema['properties']) return value
  const known = Object.entries(schema['properties'] as Json).filter(([name]) => Object.hasOwn(value, name) && (value as Json)[name] !== undefined)
  return Object.fromEntries(known.map(([name, inner]) => [name, project(inner as Json, (value as Json)[name], document)]))
}
