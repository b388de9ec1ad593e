import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRows, strategyMap } from '../check/strategy-map.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/strategies.md'), 'utf8')
const rows = readRows(page)

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
