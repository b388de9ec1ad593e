import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { admits, defaultRules as rules, ended, newBreaker, started, type Breaker } from './breaker.ts'
import { eligible } from './outlier-ejection.ts'

const fail = (b: Breaker, times: number, at: number) => { for (let i = 0; i < times; i++) b = ended(b, true, at, rules); return b }

describe('S6.1 breaker', () => {
  test('an empty window admits', () => expect(admits(newBreaker(0), 0)).toBe(true))
  test('failures in a row eject, one fewer does not', () => {
    expect(fail(newBreaker(0), rules.consecutiveFailures - 1, 1).status).toBe('admitting')
    expect(fail(newBreaker(0), rules.consecutiveFailures, 1).status).toBe('ejected')
  })
  test('a success between them starts the count anew', () => {
    const b = fail(ended(fail(newBreaker(0), rules.consecutiveFailures - 1, 1), false, 2, rules), rules.consecutiveFailures - 1, 3)
    expect(b.status).toBe('admitting')
  })
  test('half of many calls failing ejects, also when never in a row', () => {
    let b = newBreaker(0)
    for (let i = 0; i < rules.minimumCalls && b.status === 'admitting'; i++) b = ended(b, i % 2 === 1, i, rules)
    expect(b.status).toBe('ejected')
  })
  test('old windows are forgotten', () => {
    let b = newBreaker(0)
    for (let i = 0; i < 30; i++) b = ended(b, i % 5 < 2, i, rules)
    b = ended(b, true, 3 * rules.windowMs, rules)
    expect([b.calls, b.previousCalls]).toEqual([1, 0])
  })
  test('ejected admits nobody until its time, then one probe at a time, then all', () => {
    let b = fail(newBreaker(0), 5, 0)
    expect(admits(b, b.until - 1)).toBe(false)
    const t = b.until
    expect(admits(b, t)).toBe(true)
    b = started(b, t, rules)
    expect(b.status).toBe('probing')
    expect(admits(b, t + 1)).toBe(false)
    b = ended(b, false, t + 2, rules)
    expect([b.status, admits(b, t + 3)]).toEqual(['probing', true])
    b = ended(started(b, t + 3, rules), false, t + 4, rules)
    expect(b.status).toBe('admitting')
  })
  test('a failed probe ejects for twice as long, never longer than the maximum', () => {
    let b = fail(newBreaker(0), 5, 0)
    const spans: number[] = []
    for (let i = 0; i < 8; i++) {
      const t = b.until
      b = ended(started(b, t, rules), true, t, rules)
      spans.push(b.until - t)
    }
    expect(spans.slice(0, 3)).toEqual([2_000, 4_000, 8_000])
    expect(Math.max(...spans)).toBe(rules.maximumEjectionMs)
  })
  test('a lost probe does not shut the door for ever', () => {
    const b = started(fail(newBreaker(0), 5, 0), 1_000, rules)
    expect(admits(b, 1_001 + 10_000)).toBe(true)
  })
  test('whatever happens, time opens it again', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 2_000 })), { maxLength: 200 }), (outcomes) => {
      let b = newBreaker(0)
      let now = 0
      for (const [isFailure, wait] of outcomes) {
        now += wait
        if (admits(b, now)) b = started(b, now, rules)
        b = ended(b, isFailure, now, rules)
      }
      expect(admits(b, now + rules.maximumEjectionMs + 10_001)).toBe(true)
    }))
  })
})

describe('S7.1 outlier ejection', () => {
  const out = fail(newBreaker(0), 5, 0)
  const none = new Map<string, number>()
  test.each([
    ['one of three out', ['a', 'b', 'c'], ['a'], none, ['b', 'c']],
    ['one of two out', ['a', 'b'], ['a'], none, ['b']],
    ['two of three out: panic, all stay', ['a', 'b', 'c'], ['a', 'b'], none, ['a', 'b', 'c']],
    ['the only one out: panic', ['a'], ['a'], none, ['a']],
    ['an impostor is out even then', ['a'], ['a'], new Map([['a', 99]]), []],
    ['no instances', [], [], none, []],
  ])('%s', (_name, keys, ejected, impostors, expected) => {
    expect(eligible(keys, new Map(ejected.map((k) => [k, out])), impostors, 1)).toEqual(expected)
  })
})
