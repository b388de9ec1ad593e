/** The requests that an operation's document implies, each with what must become of it. A new operation or parameter is covered by being declared. */
import type { Json, Operation, Parameter } from './documents.ts'
import { asRead, fits, oneOf, textVariants, variantsOf } from './schema.ts'

/** `body`: a value to be written as JSON, or text to be sent as it is. */
export type Parts = { params: Record<string, string>; query: [string, string][]; headers: Record<string, string>; body?: { json: unknown } | { raw: string | Buffer } }
export type Sent = { method: string; path: string; headers: Record<string, string>; body?: string | Buffer }
/**
 * input: a field is wrong, and named; missing: no body; syntax: no JSON; media: another type; size: too large; method: not
 * declared there; stray: a body where none is declared; rule: a rule beyond the schema may refuse it, too.
 */
export type Reason = 'input' | 'missing' | 'syntax' | 'media' | 'size' | 'method' | 'stray' | 'rule'
/** Without a reason it must get past validation: whatever the answer, it never says that the input is wrong. */
export type Case = { name: string; sent: Sent; reason?: Reason }

/** Values that lead somewhere: by name of the parameter in lower case, and bodies by operationId. */
export type Known = { parameters: Record<string, () => string>; bodies: Record<string, () => unknown>; /** Rules that a schema cannot say: false where they refuse, undefined where they may. */ alsoFits?(operation: Operation, body: unknown): boolean | undefined }

export function goodParts(operation: Operation, known: Known): Parts {
  const parts: Parts = { params: {}, query: [], headers: {} }
  for (const parameter of operation.parameters) {
    const value = known.parameters[parameter.name.toLowerCase()]?.() ?? (parameter.required ? String(oneOf(parameter.schema)) : undefined)
    if (value !== undefined) put(parts, parameter, value)
  }
  if (operation.body?.type === 'application/json') parts.body = { json: known.bodies[operation.id]?.() ?? oneOf(operation.body.schema) }
  else if (operation.body) parts.body = { raw: String(known.bodies[operation.id]?.() ?? '') }
  return parts
}

function put(parts: Parts, { in: place, name }: Parameter, value: string): void {
  if (place === 'path') parts.params[name] = value
  else if (place === 'header') parts.headers[name.toLowerCase()] = value
  else parts.query.push([name, value])
}

export function render(operation: Operation, parts: Parts): Sent {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(parts.params[name]!))
  const query = parts.query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
  const body = parts.body && ('raw' in parts.body ? parts.body.raw : JSON.stringify(parts.body.json))
  const hasBody = body !== undefined && body.length > 0
  return {
    method: operation.method, path: query ? `${path}?${query}` : path,
    headers: { ...(hasBody && operation.body && { 'content-type': operation.body.type }), ...parts.headers },
    ...(hasBody && { body }),
  }
}

export function casesOf(operation: Operation, known: Known, methodsHere: string[]): Case[] {
  const good = () => goodParts(operation, known)
  const cases: Case[] = []
  const add = (name: string, parts: Parts, reason?: Reason) => cases.push({ name, sent: render(operation, parts), ...(reason && { reason }) })
  add('as it should be', good())
  for (const parameter of operation.parameters) parameterCases(parameter, good, add)
  add('with an unknown parameter', { ...good(), query: [...good().query, ['unknown', '1']] }, 'input')
  const { body } = operation
  if (body?.type === 'application/json') jsonCases(operation, known, good, add)
  else if (body) add('with an unknown field', { ...good(), body: { raw: 'unknown=1' } }, 'input')
  else add('with a body', { ...good(), headers: { ...good().headers, 'content-type': 'application/json' }, body: { json: {} } }, 'stray')
  if (body) {
    const filled: Parts = { ...good(), ...(!render(operation, good()).body && { body: { raw: 'a=b' } }) }
    for (const type of ['text/plain', 'application/xml', `${body.type}; charset=utf-16`, 'multipart/form-data; boundary=x', ''])
      add(`as '${type}'`, { ...filled, headers: { ...filled.headers, 'content-type': type } }, 'media')
    add('too large by a byte', { ...good(), body: { raw: body.type === 'application/json' ? `"${'a'.repeat(operation.limitBytes - 1)}"` : `a=${'b'.repeat(operation.limitBytes - 1)}` } }, 'size')
  }
  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'PROPFIND'].filter((one) => !methodsHere.includes(one)))
    cases.push({ name: method, sent: { method, path: render(operation, good()).path, headers: {} }, reason: 'method' })
  return cases
}

function parameterCases(parameter: Parameter, good: () => Parts, add: (name: string, parts: Parts, reason?: Reason) => void): void {
  const { name, schema, in: place } = parameter
  const without = (): Parts => { const parts = good(); delete parts.headers[name.toLowerCase()]; return { ...parts, query: parts.query.filter(([other]) => other !== name) } }
  const value = String(oneOf(schema))
  for (const text of rawVariants(schema, value)) {
    if (!canCarry(place, text)) continue
    const parts = without()
    put(parts, parameter, text)
    add(`${place} ${name} as ${JSON.stringify(text.length > 40 ? `${text.slice(0, 30)}… (${text.length})` : text)}`, parts, fits(schema, typed(schema, text)) ? undefined : 'input')
  }
  if (place === 'path') return
  add(`${place} ${name} left out`, without(), parameter.required ? 'input' : undefined)
  if (place === 'query') add(`query ${name} twice`, { ...without(), query: [...without().query, [name, value], [name, value]] }, 'input')
}

const rawVariants = (schema: Json, good: string): string[] => (schema['type'] === 'integer'
  ? [...variantsOf(schema, Number(good)).filter(({ value }) => typeof value === 'number').map(({ value }) => String(value)), '', ' 7', '+7', '1e3', '0x10', '07', '7x', '9'.repeat(40)]
  : [good, ...textVariants(schema, good), ...[schema['anyOf'] ?? []].flat().flatMap((one: Json) => { const text = String(oneOf({ type: 'string', ...one })); return [text, ...textVariants(one, text)] })])

/** A number in plain decimal spelling; everything else stays text. */
const typed = (schema: Json, text: string): unknown => (schema['type'] === 'integer' && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? Number(text) : text)

/** What HTTP itself can carry there, unchanged. */
export function canCarry(place: Parameter['in'], text: string): boolean {
  if (place === 'path') return text !== '' && text !== '.' && text !== '..'
  return place === 'query' || /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text)
}

function jsonCases(operation: Operation, known: Known, good: () => Parts, add: (name: string, parts: Parts, reason?: Reason) => void): void {
  const { schema, isRequired } = operation.body!
  const { json } = good().body as { json: unknown }
  const with_ = (body: Parts['body']): Parts => { const { body: _, ...parts } = good(); return { ...parts, ...(body && { body }) } }
  const seen = new Set<string>()
  // Around one value of each kind that the schema allows.
  const kinds = [json, ...((schema['oneOf'] ?? []) as Json[]).filter((one) => !fits(one, json)).map(oneOf)]
  for (const { name, value } of kinds.flatMap((kind) => [{ name: '', value: kind }, ...variantsOf(schema, kind)])) {
    const text = JSON.stringify(value)
    if (seen.has(text)) continue
    seen.add(text)
    const read = asRead(value)
    const isFit = fits(schema, read) && (known.alsoFits ? known.alsoFits(operation, read) : true)
    add(`body${name}`, with_({ json: value }), Buffer.byteLength(text) > operation.limitBytes ? 'size' : isFit === undefined ? 'rule' : isFit ? undefined : 'input')
  }
  add('without a body', with_(undefined), isRequired ? 'missing' : undefined)
  const text = JSON.stringify(json)
  const broken: Record<string, string | Buffer> = {
    'cut off': text.slice(0, -1), 'with more behind': `${text} 1`, 'with a comma too many': `${text.slice(0, -1)},${text.at(-1)}`, 'in UTF-16': Buffer.from(text, 'utf16le'),
    'with a byte order mark': `\ufeff${text}`, 'with bytes that are no UTF-8': Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    'with a key twice': '{"a":1,"a":1}', 'with __proto__': '{"__proto__":{}}', 'with half a character': '{"a":"\\ud800"}', 'with a number out of reach': '{"a":1e400}', 'with NaN': '{"a":NaN}', 'very deep': `${'['.repeat(3_000)}${']'.repeat(3_000)}`,
  }
  for (const [name, raw] of Object.entries(broken)) add(`body ${name}`, with_({ raw }), raw.length > operation.limitBytes ? 'size' : 'syntax')
}
