import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { controls } from './controls.ts'
import { without } from './leave-out.ts'

describe('T7 the table of what can be left out', () => {
  test('names are unique, and strategies are ids', () => {
    expect(new Set(controls.map(({ name }) => name)).size).toBe(controls.length)
    for (const { strategies } of controls) for (const id of strategies) expect(id).toMatch(/^[SAGMT]\d+(\.\d+)?$/)
  })
  test.each(controls.flatMap(({ name, places }) => places.flatMap((place) => 'entry' in place ? [[name, place.entry] as const] : [])))('%s: %s is there, and knows it by name or finds it in a pipeline', (name, entry) => {
    expect(existsSync(join(import.meta.dirname, entry))).toBe(true)
    const pipelines = ['../../gateway/edge/pipeline.ts', '../../gateway/micro/inbound.ts'].map((path) => readFileSync(join(import.meta.dirname, path), 'utf8')).join('\n')
    expect(`${readFileSync(join(import.meta.dirname, entry), 'utf8')}${pipelines}`).toMatch(new RegExp(`['"]?${name}['"]?(:|,)|'${name}'`))
  })
})

test('leaving out what is not there is an error: a switch that switches nothing would prove nothing', () => {
  expect(without('b')([{ name: 'a' }, { name: 'b' }])).toEqual([{ name: 'a' }])
  expect(() => without('c')([{ name: 'a' }])).toThrow('there is no control')
})
