import { expect, test } from 'vitest'
import { createSourceLimit } from './source-limit.ts'

const rules = { perSecond: 200, burst: 400, sources: 1_024 }

test('S8.1 a source gets its burst, then its rate; another source is not touched', () => {
  const limit = createSourceLimit(rules)
  const passed = (source: string, now: number) => Array.from({ length: 1_000 }, () => limit.take(source, now)).filter((over) => over === 0).length
  expect([passed('a', 0), passed('b', 0), passed('a', 1_000)]).toEqual([400, 400, 200])
  expect(limit.take('a', 1_000)).toBe(5)
})

test('S8.1 memory is bounded, and a crowd of others does not refill the bucket of one who goes on', () => {
  const limit = createSourceLimit({ ...rules, burst: 3, perSecond: 1 })
  const passed = Array.from({ length: 100 }, (_, round) => {
    for (let n = 0; n < 300; n++) limit.take(`127.${round}.${n >> 8}.${n & 255}`, round)
    expect(limit.size()).toBeLessThanOrEqual(rules.sources)
    return limit.take('greedy', round) === 0
  }).filter(Boolean).length
  expect(passed).toBe(3)
})
