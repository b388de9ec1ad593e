import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { apply, newSaga, type State } from '../../services/order/domain/saga.ts'
import { problemRows } from './problem-table.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/lifecycle.md'), 'utf8')
const DOORS: Record<string, string> = { W: 'web', M: 'mobile', P: 'partner' }

type Control = { name: string; strategies: string; doors: string }

/** `control('S4.2 S2.6', 'verify-peer', …, W, M, P)` of a pipeline's source, top to bottom. */
function controlsOf(file: string): Control[] {
  const lines = readFileSync(join(root, file), 'utf8').split('\n').filter((line) => /^\s+control\(/.test(line))
  return lines.map((line) => {
    const [, strategies, name] = /control\('([^']+)',\s*'([^']+)'/.exec(line)!
    const columns = /((?:\s*\b[WMP]\b,?)+)\s*\),$/.exec(line)?.[1] ?? ''
    return { name: name!, strategies: strategies!, doors: [...columns.matchAll(/[WMP]/g)].map(([door]) => DOORS[door]).join(' ') || 'all' }
  })
}

/** The table below the heading that names the file. */
const section = (file: string) => page.split(/^#{2,3} /m).find((part) => part.split('\n')[0]!.includes(`\`${file}\``)) ?? ''
const cells = (line: string) => line.split('|').slice(1, -1).map((cell) => cell.trim())
const rowsOf = (file: string) => section(file).split('\n').filter((line) => /^\| [a-z-]+ \|/.test(line) && !line.startsWith('| control ')).map(cells)

describe.each(['gateway/edge/pipeline.ts', 'gateway/micro/inbound.ts', 'gateway/micro/outbound.ts', 'gateway/upstream/pipeline.ts'])('%s', (file) => {
  test('the page shows its controls, their strategies and doors in its order', () => {
    const shown = rowsOf(file).map(([name, strategies, doors]) => ({ name, strategies, ...(file.startsWith('gateway/edge') && { doors }) }))
    const real = controlsOf(file).map(({ name, strategies, doors }) => ({ name, strategies, ...(file.startsWith('gateway/edge') && { doors }) }))
    expect(shown).toEqual(real)
  })

  test('each refusal is a problem of the source', () => {
    const known = new Set(problemRows(root).map((row) => /`([^`]+)`/.exec(row)![1]!))
    expect(rowsOf(file).flatMap((row) => [...row.at(-1)!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!)).filter((code) => !known.has(code))).toEqual([])
  })
})

test("the order's states are those of the saga", () => {
  const text = readFileSync(join(root, 'services/order/domain/saga.ts'), 'utf8')
  const states = [.../^export type State =\n((?: {2}\|.*\n)+)/m.exec(text)![1]!.matchAll(/'([^']+)'/g)].map(([, state]) => state!)
  const life = page.split(/^## /m).find((part) => part.startsWith('An order'))!
  expect([...life.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, state]) => state)).toEqual(states)
  // The arrows of the way forward, walked through the real table.
  const way = /^ {2}(placed .*)$/m.exec(life)![1]!.split(/ ─\S+→ /) as State[]
  const events = ['reserved', 'authorized', 'shipment-created', 'captured', 'committed'] as const
  expect(events.reduce<{ saga: ReturnType<typeof newSaga>; seen: State[] }>(({ saga, seen }, type) => {
    const result = apply(saga, { type })
    if ('refused' in result) throw new Error(`${type} in ${saga.state}: ${result.refused}`)
    return { saga: result.next, seen: [...seen, result.next.state] }
  }, { saga: newSaga('express'), seen: ['placed'] }).seen).toEqual(way)
})
