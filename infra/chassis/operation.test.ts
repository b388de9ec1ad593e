import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalSegments, loadApi, parseJsonStrictly, requireMediaType } from './operation.ts'
import { Problem } from './problem.ts'

const api = loadApi({
  openapi: '3.1.0',
  paths: {
    '/things/{thingId}': {
      get: {
        operationId: 'getThing',
        parameters: [
          { name: 'thingId', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } },
          { name: 'page', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 50, default: 1 } },
          { name: 'since', in: 'query', schema: { type: 'string', format: 'date-time' } },
        ],
        responses: { 200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } }, 204: {} },
      },
      put: { operationId: 'putThing', requestBody: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } }, responses: {} },
    },
    '/things/mine': { get: { operationId: 'getMine', responses: {} } },
  },
  components: { schemas: { Thing: { type: 'object', required: ['name'], additionalProperties: false, properties: { name: { type: 'string', maxLength: 5 }, inner: { $ref: '#/components/schemas/Thing' } } } } },
})
const id = '3f2b8f0e-8a4c-4b57-9a39-0f0e8f6a1b11'
const codeOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
  return 'ok'
}
const get = (query: string, params: Record<string, string> = { thingId: id }, body?: unknown) =>
  api.operations.get('getThing')!.checkRequest({ params, query, header: () => undefined, body })

test.each([
  ['2026-11-28T13:00:00Z', 'ok'], ['2026-11-28T13:00:00.123456%2B02:00', 'ok'], ['2026-02-30T00:00:00Z', 'input-invalid'], ['yesterday', 'input-invalid'],
  ['2016-12-31T23:59:60Z', 'input-invalid'],
])('a time is one that can be read: %s', (since, code) => expect(codeOf(() => get(`since=${since}`))).toBe(code))

describe('match', () => {
  test('a literal segment wins over a parameter', () => expect(api.match('GET', '/things/mine').operation.id).toBe('getMine'))
  test('another method is refused with what is allowed', () => {
    expect(() => api.match('DELETE', `/things/${id}`)).toThrow(expect.objectContaining({ code: 'method-not-allowed', options: { headers: { allow: 'GET, PUT' } } }))
  })
  test.each(['/Things/mine', '/things', '/', '/things/mine/'])('%s is no operation', (path) => expect(codeOf(() => api.match('GET', path))).toBe('operation-unknown'))
  test.each(['/things/../things/mine', '//things/mine', '/things/%2e%2e/x', '/things/a%2fb', '/things;x/mine', '/things/%zz', '/things/%c0%ae', '/things/%2561', '/things/a\\b', 'things', '/things/%00', '/things/e%CC%81'])(
    '%s is not canonical (EE1)', (path) => expect(codeOf(() => api.match('GET', path))).toBe('path-malformed'))
  test('what is accepted decodes to one segment without separators', () => fc.assert(fc.property(fc.string(), (s) => {
    const encoded = `/${encodeURIComponent(s.toWellFormed())}`
    let segments: string[]
    try {
      segments = canonicalSegments(encoded)
    } catch {
      return
    }
    expect(segments).toEqual([s.toWellFormed()])
    expect(s).not.toMatch(/[/\\%]|^\.\.?$/)
  })))
})

describe('checkRequest', () => {
  test('types and defaults parameters', () => {
    expect(get('page=7').query).toEqual({ page: 7 })
    expect(get('').query).toEqual({ page: 1 })
  })
  test.each([
    ['page=0', 'input-invalid', 'query.page'], ['page=1e1', 'input-invalid', 'query.page'], ['page=+1', 'input-invalid', 'query.page'], ['page=', 'input-invalid', 'query.page'],
    ['page=1&page=2', 'input-invalid', 'query.page'], ['page=%ff', 'input-invalid', 'query'], ['size=1', 'parameter-unexpected', 'query.size'], ['__proto__=1', 'parameter-unexpected', 'query.__proto__'],
  ])('%s is refused as %s with the field named', (query, code, field) => {
    expect(() => get(query)).toThrow(expect.objectContaining({ code, options: expect.objectContaining({ errors: [expect.objectContaining({ field })] }) }))
  })
  test('a body nobody asked for is refused', () => expect(codeOf(() => get('', { thingId: id }, {}))).toBe('parameter-unexpected'))
  test.each([
    [{ name: 'ok' }, 'ok'], [{ name: 'ok', inner: { name: 'in' } }, 'ok'], [{ name: 'too long' }, 'input-invalid'], [{ name: 5 }, 'input-invalid'], [{}, 'input-invalid'], [[], 'input-invalid'], [undefined, 'input-invalid'],
    [{ name: 'ok', role: 'staff' }, 'parameter-unexpected'], [{ name: 'ok', inner: { name: 'in', x: 1 } }, 'parameter-unexpected'],
  ])('body %j: %s', (body, code) => {
    expect(codeOf(() => api.operations.get('putThing')!.checkRequest({ params: { thingId: id }, query: '', header: () => undefined, body }))).toBe(code)
  })
})

describe('checkResponse', () => {
  const check = api.operations.get('getThing')!.checkResponse
  test.each([
    [200, 'application/json', { name: 'ok' }, null],
    [200, 'application/json; charset=utf-8', { name: 'ok' }, null],
    [200, 'application/json', { name: 'ok', secret: 1 }, 'body.secret is not known here'],
    [200, 'text/html', 'x', `media type 'text/html' is not declared for status 200`],
    [500, 'application/json', {}, 'status 500 is not declared'],
    [204, undefined, undefined, null],
    [204, undefined, 'x', 'status 204 declares no body'],
  ])('%s %s %j: %s', (status, type, body, wrong) => expect(check(status, type, body)).toBe(wrong))
})

describe('parseJsonStrictly', () => {
  const parse = (text: string | Buffer) => parseJsonStrictly(Buffer.from(text as string))
  test.each([
    ['a duplicate key', '{"a":1,"a":2}'], ['a duplicate key in escapes', '{"a":1,"\\u0061":2}'], ['__proto__', '{"__proto__":{"x":1}}'], ['a byte order mark', '\ufeff{}'], ['trailing data', '{} {}'],
    ['a number beyond doubles', '[1e400]'], ['a number that loses its last digit', '[9007199254740993]'], ['negative zero', '[-0]'], ['negative zero, longer', '{"a":[-0.0e1]}'], ['more digits than are kept', '{"a":0.1234567890123456789012345}'], ['a lone surrogate', '["\\ud800"]'], ['a lone surrogate in a key', '{"\\ud800":1}'], ['nothing', ''],
    ['depth', '['.repeat(100_000)], ['single quotes', "{'a':1}"], ['NaN', '[NaN]'], ['a comment', '{}//x'],
  ])('%s is refused', (_name, text) => expect(codeOf(() => parse(text))).toBe('body-malformed'))
  test('bytes that are not UTF-8 are refused', () => expect(codeOf(() => parseJsonStrictly(Buffer.from([0x22, 0xc0, 0xae, 0x22])))).toBe('body-malformed'))
  test('a text has one spelling, whichever the keyboard chose', () => expect(parse('{"name":["Jose\u0301","Jos\u00e9"]}')).toEqual({ name: ['José', 'José'].map((name) => name.normalize('NFC')) }))
  test('nor does it matter whether it was escaped', () => expect(parse('["Jose\\u0301"]')).toEqual(['Jos\u00e9']))
  test('what looks like an odd number within a text is text', () => expect(parse('{"-0":"1e400, 9007199254740993"}')).toEqual({ '-0': '1e400, 9007199254740993' }))
  test('any other JSON value comes out as it went in', () => fc.assert(fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
    const text = JSON.stringify(value)
    if (/__proto__|-0\b/.test(text) || JSON.stringify(JSON.parse(text)) !== text) return
    let parsed: unknown
    try {
      parsed = parse(text)
    } catch (error) {
      expect(text).toMatch(/\\ud[89a-f]|\d{16,}|e[+-]?\d/i)
      expect(error).toBeInstanceOf(Problem)
      return
    }
    expect(parsed).toEqual(JSON.parse(text))
  })))
  test('a key may repeat in another object', () => expect(parse('{"a":{"b":1},"c":{"b":2}}')).toEqual({ a: { b: 1 }, c: { b: 2 } }))
})

test.each([['application/json', true], ['application/json; charset=utf-8', true], ['Application/JSON', true], ['application/json; charset=utf-16', false], ['text/plain', false], [undefined, false], ['application/json, text/plain', false]])(
  'media type %s: %s', (type, isAccepted) => expect(codeOf(() => requireMediaType(api.operations.get('putThing')!, type))).toBe(isAccepted ? 'ok' : 'media-type-unsupported'))
