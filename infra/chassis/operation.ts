/**
 * Operations as OpenAPI 3.1 declares them: found by method and path, checked strictly.
 *
 * An operation stands once, in an `openapi.yaml`. From it come routing, validation of request and response, and
 * what the mesh needs to know. Unknown, duplicate, mistyped and oversized input is refused with the field named.
 *
 * Extensions of ours on an operation:
 * - `x-subjects`: who may be the subject of its token: user, guest, service (default: user)
 * - `x-single-use`: its token is good once (S1.1); proxies never retry it
 * - `x-timeout-ms`: how long an answer may take (default 2000)
 * - `x-body-limit-bytes`: default 65536
 */
import { readFileSync } from 'node:fs'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { fullFormats } from 'ajv-formats/dist/formats.js'
import { parse as parseYaml } from 'yaml'
import type { OpenApiDocument } from './mesh-policy.ts'
import { canonicalSegments, createPathTable } from './path-table.ts'
import { BodyMalformed, InputInvalid, MediaTypeUnsupported, MethodNotAllowed, OperationUnknown, ParameterUnexpected, type FieldError } from './problem.ts'

export { canonicalSegments }

export type Subject = 'user' | 'guest' | 'service'

type Json = Record<string, any>

export type Operation = {
  id: string
  /** Upper case. */
  method: string
  /** As in OpenAPI: '/products/{productId}'. */
  path: string
  subjects: Subject[]
  isSingleUse: boolean
  timeoutMs: number
  bodyLimitBytes: number
  /** Needs an Idempotency-Key header. */
  isIdempotentWrite: boolean
  /** Declared request media types; empty when it takes no body. */
  mediaTypes: string[]
  isBodyRequired: boolean
  /** The operation object, for extensions of one reader only. */
  spec: Json
  /** Checks parts and returns them typed: numbers are numbers, defaults filled in. Throws a problem that names each field. */
  checkRequest(parts: RequestParts): CheckedRequest
  /** Null when the answer is as declared; else what is wrong with it. Fields not declared count as wrong. */
  checkResponse(status: number, mediaType: string | undefined, body: unknown): string | null
}

export type RequestParts = {
  params: Record<string, string>
  /** Raw query string without '?'. */
  query: string
  header(name: string): string | undefined
  /** Parsed JSON, or undefined when there was no body. */
  body: unknown
}
export type CheckedRequest = { params: Json; query: Json; headers: Json; body: any }

export type Api = {
  operations: Map<string, Operation>
  /** Finds by method and path, the path still percent-encoded and without query. Throws path-malformed, operation-unknown, method-not-allowed. */
  match(method: string, path: string): { operation: Operation; params: Record<string, string> }
}

export const readOpenApi = (url: URL): OpenApiDocument => parseYaml(readFileSync(url, 'utf8')) as OpenApiDocument

const RFC_3339 = fullFormats['date-time'] as { validate: (text: string) => boolean }
/** A time of RFC 3339 that is one: the leap seconds it allows are nothing to Date, and to nobody behind us. */
const isMoment = (text: string): boolean => RFC_3339.validate(text) && !Number.isNaN(Date.parse(text))

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

export function loadApi(document: OpenApiDocument): Api {
  const ajv = new Ajv2020({ allErrors: true, strict: false, coerceTypes: false, useDefaults: true, discriminator: false, ownProperties: true })
  // One schema document under an id, so that '#/components/…' references resolve.
  addFormats.default(ajv)
  ajv.addFormat('date-time', isMoment)
  ajv.addSchema({ $id: 'api', ...document } as object, 'api')
  const operations = new Map<string, Operation>()
  const paths = createPathTable<Map<string, Operation>>()
  for (const [path, item] of Object.entries(document.paths as Json)) {
    const byMethod = new Map<string, Operation>()
    for (const method of METHODS) {
      const spec = item[method] as Json | undefined
      if (!spec) continue
      const id = spec['operationId'] as string
      if (!id) throw new Error(`${method} ${path} has no operationId`)
      if (operations.has(id)) throw new Error(`operationId ${id} stands twice`)
      const operation = compile(ajv, document as Json, id, method, path, spec, item['parameters'] ?? [])
      operations.set(id, operation)
      byMethod.set(operation.method, operation)
    }
    paths.add(path, byMethod)
  }
  return {
    operations,
    match(method, path) {
      const found = paths.find(canonicalSegments(path))
      if (!found) throw OperationUnknown()
      const operation = found.value.get(method)
      if (!operation) throw MethodNotAllowed({ headers: { allow: [...found.value.keys()].join(', ') } })
      return { operation, params: found.params }
    },
  }
}

function compile(ajv: Ajv2020, document: Json, id: string, method: string, path: string, spec: Json, shared: Json[]): Operation {
  const parameters = [...shared, ...(spec['parameters'] ?? [])].map((p: Json) => resolve(document, p))
  const [inPath, inQuery, inHeader] = [parameterChecks(ajv, parameters, 'path'), parameterChecks(ajv, parameters, 'query'), parameterChecks(ajv, parameters, 'header')]
  const requestBody = spec['requestBody'] && resolve(document, spec['requestBody'])
  const isBodyRequired: boolean = requestBody?.required === true
  const mediaTypes: string[] = requestBody ? Object.keys(requestBody['content']) : []
  const checkBody = requestBody?.content?.['application/json']?.schema
    ? ajv.compile(anchored(requestBody.content['application/json'].schema)) : null
  const responses = new Map<number, DeclaredResponse>()
  let otherwise: DeclaredResponse | undefined
  for (const [status, response] of Object.entries(spec['responses'] ?? {})) {
    const declared = declaredResponse(ajv, resolve(document, response as Json)['content'] ?? {})
    if (status === 'default') otherwise = declared
    else responses.set(Number(status), declared)
  }
  return {
    id, path, spec, mediaTypes,
    method: method.toUpperCase(),
    subjects: spec['x-subjects'] ?? ['user'],
    isSingleUse: spec['x-single-use'] === true,
    timeoutMs: spec['x-timeout-ms'] ?? 2000,
    bodyLimitBytes: spec['x-body-limit-bytes'] ?? 65_536,
    isIdempotentWrite: inHeader.some(({ name }) => name === 'idempotency-key'),
    isBodyRequired,
    checkRequest({ params, query, header, body }) {
      const errors: FieldError[] = []
      const unexpected: FieldError[] = []
      const checked: CheckedRequest = { params: {}, query: {}, headers: {}, body }
      for (const one of inPath) checked.params[one.name] = one.read(params[one.name], errors)
      const seen = query === '' ? NOTHING : readQuery(query)
      for (const [name, values] of seen) {
        if (!inQuery.some((one) => one.name === name)) unexpected.push({ field: `query.${name.slice(0, 64)}`, message: 'is not known here' })
        else if (values.length > 1) errors.push({ field: `query.${name}`, message: 'stands more than once' })
      }
      for (const one of inQuery) {
        const value = one.read(seen.get(one.name)?.[0], errors)
        if (value !== undefined) checked.query[one.name] = value
      }
      for (const one of inHeader) {
        const value = one.read(header(one.name), errors)
        if (value !== undefined) checked.headers[one.name] = value
      }
      if (mediaTypes.length === 0 && body !== undefined) unexpected.push({ field: 'body', message: 'this operation takes no body' })
      if (isBodyRequired && body === undefined) errors.push({ field: 'body', message: 'is missing' })
      if (checkBody && body !== undefined && !checkBody(body))
        for (const error of (checkBody.errors ?? []).slice(0, 20)) (isUnexpected(error) ? unexpected : errors).push(fieldError('body', error))
      if (unexpected.length) throw ParameterUnexpected({ errors: unexpected })
      if (errors.length) throw InputInvalid({ errors })
      return checked
    },
    checkResponse(status, mediaType, body) {
      const declared = responses.get(status) ?? otherwise
      if (!declared) return `status ${status} is not declared`
      if (!declared.hasBody) return body === undefined ? null : `status ${status} declares no body`
      let validate = declared.byType.get(mediaType ?? '')
      if (validate === undefined) {
        const type = essenceOf(mediaType) ?? ''
        validate = declared.byType.get(type)
        if (validate === undefined) return `media type '${type}' is not declared for status ${status}`
      }
      return !validate || validate(body) ? null : (validate.errors ?? []).slice(0, 3).map((e) => { const f = fieldError('body', e); return `${f.field} ${f.message}` }).join('; ')
    },
  }
}

/** By media type without parameters, in lower case, as it is looked for: null where its content has no schema to check. */
type DeclaredResponse = { hasBody: boolean; byType: Map<string, ValidateFunction | null> }

function declaredResponse(ajv: Ajv2020, content: Json): DeclaredResponse {
  const types = Object.entries(content)
  return {
    hasBody: types.length > 0,
    byType: new Map(types.filter(([type]) => essenceOf(type) === type).map(([type, media]) => [type, media.schema && /json$/.test(type) ? ajv.compile(anchored(media.schema)) : null])),
  }
}

/** A media type without its parameters. */
function essenceOf(mediaType: string | undefined): string | undefined {
  const at = mediaType?.indexOf(';') ?? -1
  return (at < 0 ? mediaType : mediaType?.slice(0, at))?.trim().toLowerCase()
}

type ParameterCheck = { name: string; read(raw: string | undefined, errors: FieldError[]): unknown }

function parameterChecks(ajv: Ajv2020, parameters: Json[], place: 'path' | 'query' | 'header'): ParameterCheck[] {
  // One that is declared for the path and again for the operation is the operation's.
  const byName = new Map(parameters.filter((p) => p['in'] === place).map((p) => [place === 'header' ? (p['name'] as string).toLowerCase() : p['name'] as string, p]))
  return [...byName].map(([name, p]) => {
    const validate = ajv.compile({ ...anchored(p['schema'] ?? {}) })
    const type = p['schema']?.type as string | undefined
    const absent: unknown = p['schema']?.default
    const isRequired = !!p['required']
    const field = `${place}.${name}`
    return {
      name,
      read(raw, errors) {
        if (raw === undefined) {
          if (isRequired) errors.push({ field, message: 'is missing' })
          return absent
        }
        const value = typed(raw, type)
        if (!validate(value)) for (const error of (validate.errors ?? []).slice(0, 3)) errors.push({ field, message: error.message ?? 'is not valid' })
        return value
      },
    }
  })
}

/** Strict: '1e3', '0x10', ' 7' and '+7' stay strings and so fail a number's schema. */
function typed(raw: string, type: string | undefined): unknown {
  if ((type === 'integer' || type === 'number') && /^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?$/.test(raw)) return Number(raw)
  if (type === 'boolean' && (raw === 'true' || raw === 'false')) return raw === 'true'
  return raw
}

const NOTHING: ReadonlyMap<string, string[]> = new Map()

function readQuery(query: string): Map<string, string[]> {
  const seen = new Map<string, string[]>()
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=')
    let name: string, value: string
    try {
      name = decodeURIComponent((at < 0 ? pair : pair.slice(0, at)).replaceAll('+', ' '))
      value = at < 0 ? '' : decodeURIComponent(pair.slice(at + 1).replaceAll('+', ' '))
    } catch {
      throw InputInvalid({ errors: [{ field: 'query', message: 'is not valid percent-encoded UTF-8' }] })
    }
    if (seen.has(name)) seen.get(name)!.push(value)
    else seen.set(name, [value])
  }
  return seen
}

/** References inside the document become references to it. */
function anchored(schema: unknown): any {
  if (Array.isArray(schema)) return schema.map(anchored)
  if (schema === null || typeof schema !== 'object') return schema
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, key === '$ref' && typeof value === 'string' && value.startsWith('#') ? `api${value}` : anchored(value)]))
}

function resolve(document: Json, node: Json): Json {
  if (typeof node['$ref'] !== 'string') return node
  return node['$ref'].slice(2).split('/').reduce((at: Json, key) => at[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)
}

const isUnexpected = (error: ErrorObject) => error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties'

function fieldError(place: string, error: ErrorObject): FieldError {
  const params = error.params as Json
  const extra = params['additionalProperty'] ?? params['unevaluatedProperty'] ?? params['missingProperty']
  const at = error.instancePath.split('/').slice(1).map((s) => (/^\d+$/.test(s) ? `[${s}]` : `.${s}`)).join('')
  return { field: `${place}${at}${extra ? `.${String(extra).slice(0, 64)}` : ''}`, message: isUnexpected(error) ? 'is not known here' : error.keyword === 'required' ? 'is missing' : (error.message ?? 'is not valid') }
}

/** Refuses a media type that the operation does not declare, also a missing one where there is a body. */
export function requireMediaType(operation: Operation, contentType: string | undefined): void {
  const type = essenceOf(contentType)
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? '')?.[1]?.toLowerCase()
  if (!type || !operation.mediaTypes.includes(type) || (charset !== undefined && charset !== 'utf-8'))
    throw MediaTypeUnsupported({ headers: { accept: operation.mediaTypes.join(', ') } })
}

const MAX_DEPTH = 32
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * JSON as RFC 8259 with what I-JSON (RFC 7493) asks on top: UTF-8 only, no byte order mark, no duplicate keys, no
 * lone surrogates, no numbers that lose precision; no `__proto__`; nesting of at most 32.
 */
export function parseJsonStrictly(bytes: Buffer): unknown {
  let text: string
  try {
    text = UTF8.decode(bytes)
  } catch (cause) {
    throw BodyMalformed({ detail: 'The body is not valid UTF-8', cause })
  }
  scanJson(text)
  try {
    return JSON.parse(text, MAY_BE_SPELT_OTHERWISE.test(text) ? spelling : undefined)
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'Problem') throw cause
    throw BodyMalformed({ cause })
  }
}

/** Nothing below U+0300 composes with what stands before it, and UTF-8 alone holds no lone surrogate: other texts are as they should be. */
const MAY_BE_SPELT_OTHERWISE = /[\u0300-\uffff]|\\u/

/** One text for what looks the same; a keyboard's choice is no fault (ADR 21). */
function spelling(_key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (!value.isWellFormed()) throw BodyMalformed({ detail: 'A string holds a lone surrogate' })
  return value.normalize('NFC')
}

/** One pass over the text: nesting, duplicate and dangerous keys, numbers. JSON.parse does the grammar. */
function scanJson(text: string): void {
  const keys: (Set<string> | null)[] = []
  let expectKey = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '{' || c === '[') {
      if (keys.length >= MAX_DEPTH) throw BodyMalformed({ detail: `The body nests deeper than ${MAX_DEPTH}` })
      keys.push(c === '{' ? new Set() : null)
      expectKey = c === '{'
    } else if (c === '}' || c === ']') {
      keys.pop()
      expectKey = false
    } else if (c === ',') expectKey = keys.at(-1) != null
    else if (c === '"') {
      const start = i
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++
      if (!expectKey) continue
      expectKey = false
      let key: string
      try {
        key = JSON.parse(text.slice(start, i + 1)) as string
      } catch (cause) {
        throw BodyMalformed({ cause })
      }
      const seen = keys.at(-1)!
      if (seen.has(key)) throw BodyMalformed({ detail: `The key '${key.slice(0, 64)}' stands twice` })
      if (!key.isWellFormed()) throw BodyMalformed({ detail: 'A key holds a lone surrogate' })
      if (key === '__proto__') throw BodyMalformed({ detail: 'A key is not allowed' })
      seen.add(key)
    } else if (c === '-' || (c >= '0' && c <= '9')) {
      const start = i
      while (i + 1 < text.length && NUMBER_GOES_ON.includes(text[i + 1]!)) i++
      if (!isKeptExactly(text.slice(start, i + 1))) throw BodyMalformed({ detail: 'A number cannot be kept exactly' })
    }
  }
}

const NUMBER_GOES_ON = '0123456789.eE+-'

function isKeptExactly(digits: string): boolean {
  const value = Number(digits)
  return digits.length <= 24 && Number.isFinite(value) && !(Number.isInteger(value) && !Number.isSafeInteger(value)) && !Object.is(value, -0)
}
