/** Values that a JSON Schema admits, and values at its edges. Whether one fits is for a validator of our own to say, not for the product's. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc, { type Arbitrary } from 'fast-check'
import type { Json } from './documents.ts'

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
const compiled = new WeakMap<Json, ValidateFunction>()

export function fits(schema: Json, value: unknown): boolean {
  return faultsOf(schema, value) === null
}

/** A body as whoever reads it has it: its texts composed (ADR 21), so that one may become shorter than it was sent, or longer. */
export const asRead = (body: unknown): unknown => (body === undefined ? body : JSON.parse(JSON.stringify(body), (_key, value: unknown) => (typeof value === 'string' ? value.normalize('NFC') : value)))

/** What is wrong with a value, or null. */
export function faultsOf(schema: Json, value: unknown): string | null {
  let validate = compiled.get(schema)
  if (!validate) compiled.set(schema, (validate = ajv.compile(schema)))
  return validate(value) ? null : ajv.errorsText(validate.errors)
}

/** Text with everything in it that a schema without a pattern admits, and one code point a character. */
const TEXT = fc.string({ unit: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCodePoint(c)) }, { weight: 1, arbitrary: fc.constantFrom('é', '한', '𝒳', '\u0301', '"', '\\', "'", '%', '\t', '\n', '\u0000', '\u202e', '\ufeff', '\ufffd') }), size: 'medium' })

const SOME = [...Array.from({ length: 95 }, (_, at) => String.fromCodePoint(0x20 + at)), 'é', 'ß', '한', '漢', '𝒳', '🕯️', '\u0301', '\u00a0', '\ufffd']

/** Random values that fit. */
export function valuesOf(schema: Json): Arbitrary<unknown> {
  return unfiltered(schema).filter((value) => fits(schema, value))
}

function unfiltered(schema: Json): Arbitrary<unknown> {
  const choices = (schema['oneOf'] ?? schema['anyOf']) as Json[] | undefined
  if (choices) return fc.oneof(...choices.map((one) => unfiltered({ ...schema, oneOf: undefined, anyOf: undefined, ...one })))
  if ('const' in schema) return fc.constant(schema['const'])
  if (schema['enum']) return fc.constantFrom(...(schema['enum'] as unknown[]))
  switch (schema['type']) {
    case 'string': return stringsOf(schema)
    case 'integer': return fc.integer({ min: schema['minimum'] ?? -1_000, max: schema['maximum'] ?? 1_000_000 })
    case 'boolean': return fc.boolean()
    case 'null': return fc.constant(null)
    case 'array': {
      const minLength = schema['minItems'] ?? 0
      return fc.array(schema['items'] ? unfiltered(schema['items']) : fc.constant(1), { minLength, maxLength: Math.max(minLength, Math.min(schema['maxItems'] ?? 3, 3)) })
    }
    default: {
      const properties = schema['properties'] as Json | undefined
      if (!properties) return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(fc.integer({ min: 0, max: 9 }), fc.stringMatching(/^[a-z]{0,8}$/)), { maxKeys: Math.min(schema['maxProperties'] ?? 3, 3) })
      return fc.record(Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, unfiltered(one as Json)])), { requiredKeys: (schema['required'] ?? []) as string[] }) as Arbitrary<unknown>
    }
  }
}

function stringsOf(schema: Json): Arbitrary<string> {
  const { minLength = 0, maxLength = 200, pattern, format } = schema as { minLength?: number; maxLength?: number; pattern?: string; format?: string }
  if (format === 'uuid') return fc.uuid()
  if (format === 'date-time') return fc.date({ noInvalidDate: true, min: new Date('2000-01-01'), max: new Date('2100-01-01') }).map((date) => date.toISOString())
  if (format === 'hostname') return fc.domain()
  if (format === 'ipv4') return fc.ipV4()
  const fit = (text: string) => { const length = [...text].length; return length >= minLength && length <= maxLength }
  if (pattern === undefined) return TEXT.map((text) => [...text].slice(0, maxLength).join('').padEnd(minLength, 'a'))
  const exact = new RegExp(pattern, 'u')
  // The generator knows no assertions, and is lost in what all of Unicode has: then of characters that fit alone.
  const plain = /\(\?|\\[pP]/.test(pattern) ? fc.string({ unit: fc.constantFrom(...SOME.filter((one) => exact.test(one) || exact.test(`a${one}a`))), minLength: Math.max(1, minLength), maxLength: Math.min(maxLength, 100) }) : fc.stringMatching(new RegExp(pattern, 'u'))
  return plain.map((text) => ([...text].length < minLength ? text.repeat(Math.ceil(minLength / text.length)) : [...text].slice(0, maxLength).join(''))).filter((text) => fit(text) && exact.test(text))
}

export type Variant = { name: string; value: unknown }

/** Values around `good`, each with one thing changed, at every depth: types, lengths, ends of ranges, spellings, fields missing and unknown. */
export function variantsOf(schema: Json, good: unknown): Variant[] {
  const of = ownVariants(schema, good)
  if (Array.isArray(good)) {
    const items = schema['items'] as Json | undefined
    if (items && good.length) of.push(...variantsOf(items, good[0]).map(({ name, value }) => ({ name: `[0]${name}`, value: [value, ...good.slice(1)] })))
  } else if (good !== null && typeof good === 'object') {
    const shape = shapeFor(schema, good)
    for (const [name, one] of Object.entries((shape['properties'] ?? {}) as Json))
      for (const inner of variantsOf(one as Json, (good as Json)[name] ?? oneOf(one as Json))) of.push({ name: `.${name}${inner.name}`, value: { ...good, [name]: inner.value } })
  }
  return of
}

const chosen = new WeakMap<Json, { value: unknown }>()
/** One value that fits, the same at every run. */
export function oneOf(schema: Json): unknown {
  let choice = chosen.get(schema)
  if (!choice) chosen.set(schema, (choice = { value: fc.sample(valuesOf(schema), { numRuns: 1, seed: 20_204 })[0] }))
  return choice.value
}

const shapeFor = (schema: Json, good: unknown): Json => ((schema['oneOf'] ?? schema['anyOf']) as Json[] | undefined)?.find((one) => fits(one, good)) ?? schema

function ownVariants(schema: Json, good: unknown): Variant[] {
  const types: Variant[] = [['null', null], ['a text', 'x'], ['a number', 7], ['a list', []], ['an object', {}], ['a truth', true]].map(([name, value]) => ({ name: ` as ${name}`, value }))
  if (typeof good === 'string') return [...types, ...textVariants(schema, good).map((value) => ({ name: ` as ${shown(value)}`, value }))]
  if (typeof good === 'number') {
    const ends = [schema['minimum'], schema['maximum']].filter((end) => end !== undefined).flatMap((end: number) => [end - 1, end, end + 1])
    return [...types, ...[...ends, 0.5, -1, Number.MAX_SAFE_INTEGER, String(good)].map((value) => ({ name: ` as ${shown(value)}`, value }))]
  }
  if (Array.isArray(good)) {
    const item = good[0] ?? (schema['items'] ? oneOf(schema['items']) : 1)
    const lengths = [schema['minItems'], schema['maxItems']].filter((end) => end !== undefined).flatMap((end: number) => [end - 1, end, end + 1]).filter((length) => length >= 0)
    return [...types, ...lengths.map((length) => ({ name: ` of ${length}`, value: Array.from({ length }, () => item) }))]
  }
  if (good !== null && typeof good === 'object') {
    const missing = Object.keys(good).map((name) => ({ name: ` without ${name}`, value: Object.fromEntries(Object.entries(good).filter(([other]) => other !== name)) }))
    return [...types, ...missing, { name: ' with a field more', value: { ...good, unknownField: 1 } }, { name: ' with constructor', value: { ...good, constructor: { prototype: {} } } }]
  }
  return types
}

/** Lengths at which the schema changes its mind, and spellings that a careless pattern lets pass. */
export function textVariants(schema: Json, good: string): string[] {
  const numbers = [schema['minLength'], schema['maxLength'], ...[...((schema['pattern'] as string | undefined) ?? '').matchAll(/\{(\d+)(?:,(\d+))?\}/g)].flatMap(([, a, b]) => [a, b])].filter((n) => n !== undefined).map(Number)
  const unit = ['a', '0', 'A'].find((one) => [1, 2, 8, 16, 40].some((n) => fits(schema, one.repeat(n)))) ?? 'a'
  const near = [...new Set(numbers.flatMap((n) => [n - 1, n, n + 1, n + 2, n + 3]))].filter((n) => n >= 0 && n <= 20_000).sort((a, b) => a - b)
  const turns = near.filter((n) => [n - 1, n + 1].some((m) => m >= 0 && fits(schema, unit.repeat(m)) !== fits(schema, unit.repeat(n))))
  const longest = turns.filter((n) => fits(schema, unit.repeat(n))).at(-1)
  return [...new Set([
    ...turns.map((n) => unit.repeat(n)), ...(longest ? ['𝒳'.repeat(longest), '한'.repeat(longest)] : []),
    '', ' ', `${good} `, ` ${good}`, `${good}\n`, `${good}x`, good.slice(0, -1), good.toUpperCase(), `${good}\u0000`, `${good}\u202e`, '\ufeff', "' or 1=1--", '../x', '<b>', '%s%n', '${7*7}',
    ...(schema['enum'] ?? []), '9'.repeat(30), ...(fits(schema, 'any text') ? [] : ['-1', '01', '+7', '1e3', '0x10']),
  ])].filter((text) => text.isWellFormed())
}

const shown = (value: unknown) => { const text = JSON.stringify(value); return text.length > 40 ? `${text.slice(0, 30)}… (${text.length})` : text }
