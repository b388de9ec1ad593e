import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limitAnonymous, sourceOf } from './limit-anonymous.ts'
import { project, shapeResponse } from './shape-response.ts'
import type { EdgeCall } from '../edge/call.ts'
import { requireLocalPath } from '../edge/sign-in.ts'

test.each([
  ['127.0.0.1', '127.0.0.1'], ['::ffff:10.1.2.3', '10.1.2.3'], ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'], ['2001:db8:1:2::1', '2001:db8:1:2'], ['2001:0db8:0001:0002::', '2001:db8:1:2'],
  ['2001:DB8:1:2::9', '2001:db8:1:2'], ['::1', '0:0:0:0'], ['fe80::1%eth0', 'fe80:0:0:0'],
])('S8.2 %s counts as %s', (address, source) => {
  expect(sourceOf(address)).toBe(source)
})

test('S8.1 in no window does a source get more than its burst and its rate', () => {
  fc.assert(fc.property(fc.array(fc.nat(400), { minLength: 1, maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (gaps, burst) => {
    let now = 0
    const stage = limitAnonymous({ perSecond: 10, burst, now: () => now })
    const passed: number[] = []
    for (const gap of gaps) {
      now += gap
      try {
        void stage({ address: '127.0.0.1' } as never)
        passed.push(now)
      } catch (error) {
        expect(error).toMatchObject({ code: 'limit-exceeded' })
      }
    }
    for (let i = 0; i < passed.length; i++)
      for (let j = i; j < passed.length; j++) expect(j - i + 1).toBeLessThanOrEqual(burst + (passed[j]! - passed[i]!) / 100 + 1e-6)
    expect(passed[0]).toBe(gaps[0])
  }), { numRuns: 50 })
})

test('G2 a shaped answer has declared fields only, at every depth', () => {
  const document = { components: { schemas: { Line: { type: 'object', properties: { name: {} } } } } }
  const schema = { type: 'object', properties: { id: {}, lines: { type: 'array', items: { $ref: '#/components/schemas/Line' } }, user: { oneOf: [{ type: 'null' }, { properties: { name: {} } }] } } }
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.dictionary(fc.constantFrom('name', 'secret', '__proto__', 'constructor'), fc.string())), (extra, lines) => {
    const shaped = project(schema, JSON.parse(JSON.stringify({ ...extra, id: 1, lines, user: { name: 'a', hash: 'b' } })), document) as { lines: object[]; user: object }
    expect(Object.keys(shaped)).toEqual(['id', 'lines', 'user'])
    for (const line of shaped.lines) expect(Object.keys(line).filter((k) => k !== 'name')).toEqual([])
    expect(shaped.user).toEqual({ name: 'a' })
  }))
})

test('T1 whatever is taken for a local path stays on this origin', () => {
  const origin = 'https://localhost:1'
  fc.assert(fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.stringMatching(/^\/[/\\@:.%a-z]{0,12}$/)), (path) => {
    try {
      requireLocalPath(path, origin)
    } catch {
      return
    }
    expect(new URL(path, `${origin}/deep/page`).origin).toBe(origin)
  }), { numRuns: 2_000 })
})

test('G2 an answer that came before, byte for byte, is shaped as it was then; any other is shaped anew', () => {
  const operation = (id: string, fields: string[]) => ({ id, spec: { responses: { 200: { content: { 'application/json': { schema: { properties: Object.fromEntries(fields.map((name) => [name, {}])) } } } } } }, checkResponse: () => null })
  const [one, other] = [operation('one', ['id']), operation('other', ['id', 'stock'])]
  const { response } = shapeResponse({})
  let made = 0
  const shape = (to: object, json: object) => {
    const call = { target: { kind: 'operation', operation: to }, answer: { status: 200, headers: {}, made: { from: Buffer.from(JSON.stringify(json)), by: (value: object) => { made++; return value } } } } as never as EdgeCall
    void response!(call)
    return call.answer!.body
  }
  expect([shape(one, { id: 1, secret: 2, stock: 3 }), shape(one, { id: 1, secret: 2, stock: 3 }), made]).toEqual(['{"id":1}', '{"id":1}', 1])
  expect([shape(other, { id: 1, secret: 2, stock: 3 }), shape(one, { id: 2, secret: 2, stock: 3 }), made]).toEqual(['{"id":1,"stock":3}', '{"id":2}', 3])
  for (let id = 0; id < 3_000; id++) shape(one, { id })
  expect(shape(one, { id: 1, secret: 2, stock: 3 })).toBe('{"id":1}')
})
