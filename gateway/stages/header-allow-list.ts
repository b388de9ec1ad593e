/** Which headers pass a gateway: a few that every operation may have, and what its description declares. All else stays behind (S4.1, G7). */
import type { OpenApiDocument } from '@shop/chassis/mesh-policy.ts'
import type { Operation } from '@shop/chassis/operation.ts'

const REQUEST = ['accept', 'content-type', 'if-match', 'if-none-match', 'idempotency-key']
const RESPONSE = ['content-type', 'etag', 'location', 'cache-control', 'retry-after', 'allow', 'accept', 'www-authenticate', 'idempotency-replayed']
/** Belong to one connection or to the gateway itself, whatever a description says. */
const OWN = new Set([
  'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'te', 'trailer', 'upgrade', 'host', 'expect', 'authorization', 'cookie', 'set-cookie',
  'traceparent', 'deadline-ms', 'date', 'server', 'via',
])

type Json = Record<string, any>
const resolve = (document: Json, node: Json): Json =>
  typeof node['$ref'] === 'string' ? node['$ref'].slice(2).split('/').reduce((at: Json, key: string) => at[key.replaceAll('~1', '/').replaceAll('~0', '~')], document) : node

const merge = (base: string[], declared: string[]): ReadonlySet<string> => new Set([...base, ...declared].filter((name) => !OWN.has(name)))

export type HeaderAllowList = {
  request: ReadonlySet<string>
  response: ReadonlySet<string>
  /** It declares Authorization: it wants the token of whom it is asked about. */
  takesAuthorization: boolean
}

/** Lower-case names for every operation of the document. */
export function headerAllowLists(document: OpenApiDocument, operations: Iterable<Operation>): Map<string, HeaderAllowList> {
  const lists = new Map<string, HeaderAllowList>()
  for (const { id, path, spec } of operations) {
    const shared = (document.paths as Json)[path]?.parameters ?? []
    const parameters = [...shared, ...(spec['parameters'] ?? [])].map((p: Json) => resolve(document, p))
    const responses = Object.values((spec['responses'] ?? {}) as Json).map((r) => resolve(document, r as Json))
    const names = parameters.filter((p) => p['in'] === 'header').map((p) => String(p['name']).toLowerCase())
    lists.set(id, {
      request: merge(REQUEST, names),
      takesAuthorization: names.includes('authorization'),
      response: merge(RESPONSE, responses.flatMap((r) => Object.keys(r['headers'] ?? {}).map((name) => name.toLowerCase()))),
    })
  }
  return lists
}

/** What of the headers goes on, given the names that may: in an object of its own. */
export type Pass = (headers: Record<string, string | string[] | undefined>, names: ReadonlySet<string>) => Record<string, string>
/** The two directions apart; production passes what is named, and nothing else. */
export type HeaderPolicy = { request: Pass; response: Pass }

/** The named headers that are there, as one string each. */
export function pick(headers: Record<string, string | string[] | undefined>, names: ReadonlySet<string>): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name in headers) {
    if (!names.has(name)) continue
    const value = headers[name]
    if (value !== undefined) picked[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return picked
}

export const NO_NAMES: ReadonlySet<string> = new Set()

export const allowListed: HeaderPolicy = { request: pick, response: pick }
