import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pickTwo } from './balance.ts'
import { deposit, newRetryBudget, withdraw } from './retry-budget.ts'

test('S7.1 never the busiest of several, always one of them', () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat(1_000), { minLength: 2, maxLength: 20 }), fc.array(fc.double({ min: 0, max: 0.999999, noNaN: true }), { minLength: 2, maxLength: 2 }), (loads, chances) => {
    const picked = pickTwo(loads, (load) => load, () => chances.pop()!)
    expect(loads).toContain(picked)
    expect(picked).not.toBe(Math.max(...loads))
  }))
})
test('S7.1 none of none, the one of one', () => {
  expect(pickTwo([], () => 0, Math.random)).toBeUndefined()
  expect(pickTwo(['a'], () => 9, Math.random)).toBe('a')
})
test('S7.1 equal instances share evenly', () => {
  const counts = { a: 0, b: 0, c: 0 }
  let seed = 1
  const random = () => { seed = (seed * 16_807) % 2_147_483_647; return seed / 2_147_483_647 }
  for (let i = 0; i < 3_000; i++) counts[pickTwo(['a', 'b', 'c'] as const, () => 0, random)!]++
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(850)
})

test('S6.1 retries are at most a fifth of the calls, and a few', () => {
  let budget = newRetryBudget(0)
  let retries = 0
  for (let i = 0; i < 1_000; i++) {
    budget = deposit(budget, 0)
    const paid = withdraw(budget, 0)
    if (paid) { budget = paid; retries++ }
  }
  expect(retries).toBeLessThanOrEqual(210)
  expect(withdraw(budget, 0)).toBeNull()
  expect(withdraw(budget, 1_001)).not.toBeNull()
})
