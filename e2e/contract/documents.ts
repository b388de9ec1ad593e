/** The OpenAPI documents of the product: what each promises, with its references followed. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

export type Json = Record<string, any>
export type Parameter = { name: string; in: 'path' | 'query' | 'header'; required: boolean; schema: Json }
export type Operation = {
  id: string
  /** Upper case. */
  method: string
  /** As in the document: '/products/{productId}'. */
  path: string
  parameters: Parameter[]
  /** The first media type that it takes. */
  body?: { isRequired: boolean; type: string; schema: Json }
  limitBytes: number
  /** By status, or `default`. */
  responses: Record<string, { content: Record<string, Json> }>
  /** The operation object, for extensions. */
  spec: Json
}

const root = join(import.meta.dirname, '../..')
const METHODS = ['get', 'post', 'put', 'patch', 'delete']

/** Paths of all documents in the source, from its root. */
export const documentFiles = (): string[] => globSync('{gateway,services,infra}/**/*openapi.yaml', { cwd: root }).filter((path) => !path.includes('node_modules')).sort()
export const readText = (file: string): string => readFileSync(join(root, file), 'utf8')
export const readDocument = (file: string): Json => parse(readText(file)) as Json

export function operationsOf(document: Json): Operation[] {
  const whole = followed(document, document) as Json
  return Object.entries(whole['paths'] as Json).flatMap(([path, item]: [string, Json]) => METHODS.filter((method) => item[method]).map((method) => {
    const spec = item[method] as Json
    const [type, media] = Object.entries((spec['requestBody']?.content ?? {}) as Json)[0] ?? []
    return {
      id: spec['operationId'] as string, method: method.toUpperCase(), path, spec,
      parameters: [...(item['parameters'] ?? []), ...(spec['parameters'] ?? [])].map((p: Json) => ({ name: p['name'], in: p['in'], required: p['required'] === true, schema: p['schema'] ?? {} })),
      ...(type && { body: { isRequired: spec['requestBody'].required === true, type, schema: media.schema ?? {} } }),
      limitBytes: spec['x-body-limit-bytes'] ?? 65_536,
      responses: Object.fromEntries(Object.entries(spec['responses'] as Json).map(([status, response]: [string, Json]) => [status, { content: response['content'] ?? {} }])),
    }
  }))
}

/** No document of ours refers to itself in a circle; one that did would not come back from here. */
function followed(node: unknown, document: Json): unknown {
  if (Array.isArray(node)) return node.map((one) => followed(one, document))
  if (node === null || typeof node !== 'object') return node
  const reference = (node as Json)['$ref']
  if (typeof reference === 'string') return followed(reference.slice(2).split('/').reduce((at: Json, key) => at[key], document), document)
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, followed(value, document)]))
}
