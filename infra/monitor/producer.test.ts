import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createQuota, isOwnSource } from './producer.ts'

test.each([
  ['order', 'order', true], ['order-1', 'order', true], ['order-2-gateway', 'order', true], ['edge', 'edge', true],
  ['billing-1', 'order', false], ['order-1-gateway-1', 'order', false], ['order-gateway', 'order', false], ['order-', 'order', false],
  ['ordering-1', 'order', false], ['Order-1', 'order', false], ['order-1\n', 'order', false], ['order-1e3', 'order', false], ['', 'order', false],
])('S5.1-d source %j of %s: %s', (source, workload, expected) => {
  expect(isOwnSource(source, workload)).toBe(expected)
})

describe('quota', () => {
  test('a burst fits, a flood is cut to the rate, drops are told once', () => {
    const quota = createQuota({ perSecond: 10, burst: 50 })
    expect(quota.take('order', 40, 0)).toBe(40)
    expect(quota.take('order', 40, 0)).toBe(10)
    expect(quota.take('billing', 40, 0)).toBe(40)
    expect(quota.drops(0)).toEqual([{ producer: 'order', dropped: 30 }])
    expect(quota.take('order', 40, 1_000)).toBe(10)
    expect(quota.drops(999)).toEqual([])
    expect(quota.drops(1_000)).toEqual([{ producer: 'order', dropped: 30 }])
    expect(quota.drops(9_000)).toEqual([])
  })
  test('nothing is lost silently: taken and told drops add up to what came', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(200), fc.nat(3_000)), { maxLength: 40 }), (steps) => {
      const quota = createQuota({ perSecond: 10, burst: 50 })
      let now = 0, came = 0, taken = 0, told = 0
      for (const [wanted, later] of steps) {
        now += later
        came += wanted
        taken += quota.take('order', wanted, now)
        told += quota.drops(now).reduce((sum, drop) => sum + drop.dropped, 0)
      }
      told += quota.drops(now + 1_000).reduce((sum, drop) => sum + drop.dropped, 0)
      expect(taken + told).toBe(came)
      expect(taken).toBeLessThanOrEqual(50 + (now / 1_000) * 10)
    }))
  })
})
