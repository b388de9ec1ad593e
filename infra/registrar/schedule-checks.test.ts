import { expect, test } from 'vitest'
import { scheduleChecks } from './schedule-checks.ts'

test('S7.1 two hundred hanging checks never run more than so many at once, and others get their turn', async () => {
  let running = 0
  let most = 0
  let good = 0
  const schedule = scheduleChecks<string>({
    intervalMs: 10, atOnce: 8, random: Math.random,
    async check(target) {
      most = Math.max(most, ++running)
      if (target === 'well') good++
      else await new Promise((resolve) => setTimeout(resolve, 5))
      running--
    },
  })
  schedule.set(new Map([...Array.from({ length: 200 }, (_, i) => [`h${i}`, `h${i}`] as const), ['w', 'well'] as const]))
  await expect.poll(() => good).toBeGreaterThan(3)
  expect(most).toBe(8)
  schedule.set(new Map([['w', 'well']]))
  await expect.poll(() => running).toBe(0)
  schedule.stop()
  const before = good
  await new Promise((resolve) => setTimeout(resolve, 40)) // four intervals in which a stopped schedule would have shown
  expect(good).toBe(before)
})
