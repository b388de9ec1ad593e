import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchDeadline } from './too-late.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

test.each([100, 60_000])('S6.1 who waits for %i ms is told once, no sooner and at most 20 ms later', (ms) => {
  const late = vi.fn()
  watchDeadline(performance.now() + ms, late)
  vi.advanceTimersByTime(ms - 1)
  expect(late).not.toHaveBeenCalled()
  vi.advanceTimersByTime(21)
  vi.advanceTimersByTime(60_000)
  expect(late).toHaveBeenCalledTimes(1)
})

test.each([100, 60_000])('who was in time after %i ms is not told, and takes nobody else with them', (ms) => {
  const [first, second] = [vi.fn(), vi.fn()]
  const inTime = watchDeadline(performance.now() + ms, first)
  inTime()
  watchDeadline(performance.now() + ms, second) // in the place that is free again
  inTime()
  vi.advanceTimersByTime(ms + 21)
  expect([first.mock.calls.length, second.mock.calls.length]).toEqual([0, 1])
})

test('who is told may wait again, and nothing looks when nobody waits', () => {
  const again = vi.fn()
  watchDeadline(performance.now() + 10, () => void watchDeadline(performance.now() + 10, again))
  vi.advanceTimersByTime(100)
  expect(again).toHaveBeenCalledTimes(1)
  expect(vi.getTimerCount()).toBe(0)
})
