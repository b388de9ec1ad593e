import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRows, strategyMap } from '../check/strategy-map.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const page = read('docs/strategies.md')
const rows = readRows(page).map((row) => ({ ...row, lab: row.line.split('|').at(-2)!.trim() }))

/** `row('S2.5 S11.1', 'check-binding', …)` of the lab's table. */
const controls = [...read('infra/lab/controls.ts').matchAll(/^\s+row\('([^']+)',\s*'([^']+)'/gm)].map(([, strategies, name]) => ({ name: name!, strategies: strategies!.split(' ') }))
/** Every attack: its file, the strategies that it speaks for, the control without which it wins. */
const attacks = globSync('e2e/attacks/[0-9]*/*.ts', { cwd: root }).sort().flatMap((file) =>
  [...read(file).matchAll(/strategies: \[([^\]]*)\][\s\S]*?without: '([^']+)'/g)].map(([, list, without]) => ({ file, without: without!, strategies: [...list!.matchAll(/'([^']+)'/g)].map(([, id]) => id!) })))

test('every strategy has one row, and rows and tree fit', () => {
  const of = (letter: string) => rows.filter(({ id }) => id.startsWith(letter)).length
  expect([of('S'), of('T'), of('A'), of('G'), of('M')]).toEqual([55, 8, 13, 9, 1])
  expect(strategyMap(root)).toEqual([])
})

test('the numbers at the head are those of the rows', () => {
  const of = (state: string) => rows.filter((row) => row.state === state).length
  expect(page).toContain(`**${of('proven')} proven, ${of('runs')} runs, ${of('unfinished')} unfinished.**`)
})

test('an unfinished row says what is missing, and no other row does', () => {
  expect(rows.filter(({ line, state }) => line.includes('*Missing: ') !== (state === 'unfinished')).map(({ id }) => id)).toEqual([])
})

test('the last column is what the lab can leave out, both ways', () => {
  expect(controls.length).toBeGreaterThan(0)
  const listed = Object.fromEntries(rows.map(({ id, lab }) => [id, lab]))
  const real = Object.fromEntries(rows.map(({ id }) => [id, controls.filter(({ strategies }) => strategies.includes(id)).map(({ name }) => name).join(', ') || '–']))
  expect(listed).toEqual(real)
})

test('every attack stands in the rows of its strategies', () => {
  expect(attacks.length).toBeGreaterThan(0)
  const absent = attacks.flatMap(({ file, strategies }) => strategies.filter((id) => !rows.find((row) => row.id === id)?.files.includes(file)).map((id) => `${id}: ${file}`))
  expect(absent).toEqual([])
})

test('proven is only what has an attack, and the switch that lets it win', () => {
  const hasProof = (id: string) => attacks.some(({ strategies, without }) => strategies.includes(id) && controls.some((control) => control.name === without && control.strategies.includes(id)))
  expect(rows.filter(({ id, state }) => state === 'proven' && !hasProof(id)).map(({ id }) => id)).toEqual([])
})
