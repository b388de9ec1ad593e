import type { Operation } from '@shop/chassis/operation.ts'
import { jsonOf, make, type EdgeCall, type Made } from '../edge/call.ts'
import { UpstreamUnusable } from '../edge/problems.ts'
import type { Stage } from '../pipeline.ts'

type Json = Record<string, any>

/** So many are kept for each operation of each door, none made from more bytes than this: whoever asks in a thousand ways fills 4 MB of each. */
const KEPT = 1_000, LONGEST = 2_048

/**
 * Only fields that the public API declares leave the shop, whatever a service answers (G2). The document is the allow
 * list; an answer that lacks what it promises is an error of ours, not the client's problem.
 */
export const shapeResponse = (document: Json): Stage<EdgeCall> => {
  const texts = new WeakMap<Operation, Map<string, string>>()

  function shape({ spec, checkResponse }: Operation, status: number, value: unknown): unknown {
    const schema = spec['responses'][status]?.content?.['application/json']?.schema as Json | undefined
    if (!schema) return value
    const shaped = project(schema, value, document)
    const wrong = checkResponse(status, 'application/json', shaped)
    if (wrong) throw UpstreamUnusable({ evidence: { reason: wrong.slice(0, 200) } })
    return shaped
  }

  /** The text of what a good answer's bytes make: made once, while it is asked for again and again. */
  function textOf(operation: Operation, made: Made): string {
    let known = texts.get(operation)
    if (!known || known.size >= KEPT) texts.set(operation, (known = new Map()))
    const from = made.from.toString('latin1')
    let text = known.get(from)
    if (text === undefined) {
      text = JSON.stringify(shape(operation, 200, make(made)))
      if (from.length <= LONGEST) known.set(from, text)
    }
    return text
  }

  return {
    response(call) {
      const { answer, target } = call
      if (target?.kind !== 'operation' || !answer) return
      const { status, headers, made } = answer
      if (made && status === 200) {
        call.answer = { status, headers, body: textOf(target.operation, made) }
        return
      }
      const json = jsonOf(answer)
      if (json !== undefined) call.answer = { status, headers, json: shape(target.operation, status, json) }
    },
  }
}

type Project = (value: unknown) => unknown
const same: Project = (value) => value
/** Made once for each schema; every answer goes through one. */
const known = new WeakMap<Json, Project>()

/** `value` with declared properties only, at every depth. */
export const project = (schema: Json, value: unknown, document: Json): unknown => projectOf(schema, document)(value)

function projectOf(schema: Json, document: Json): Project {
  let found = known.get(schema)
  if (!found) {
    known.set(schema, (value) => found!(value)) // a schema may speak of itself
    known.set(schema, (found = compile(schema, document)))
  }
  return found
}

function compile(schema: Json, document: Json): Project {
  const inner = (other: Json) => projectOf(other, document)
  if (typeof schema['$ref'] === 'string') return inner(schema['$ref'].slice(2).split('/').reduce((at: Json, key: string) => at[key], document))
  if (schema['oneOf']) {
    const other = (schema['oneOf'] as Json[]).find((s) => s['type'] !== 'null')
    const some = other ? inner(other) : same
    return (value) => (value === null ? null : some(value))
  }
  const item = schema['items'] ? inner(schema['items']) : same
  const fields = schema['properties'] && Object.entries(schema['properties'] as Json).map(([name, of]) => [name, inner(of as Json)] as const)
  return (value) => {
    if (Array.isArray(value)) return value.map(item)
    if (value === null || typeof value !== 'object' || !fields) return value
    const shaped: Json = {}
    for (const [name, of] of fields) if (Object.hasOwn(value, name) && (value as Json)[name] !== undefined) shaped[name] = of((value as Json)[name])
    return shaped
  }
}
