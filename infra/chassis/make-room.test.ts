import { expect, test } from 'vitest'
import { makeRoom } from './make-room.ts'

test.each([[1, 1], [3, 1], [64, 1], [128, 2], [1_000, 16]])('a map of at most %i stays so, and only as many of its oldest leave as %i', (most, leaving) => {
  const map = new Map<number, string>()
  for (let i = 0; i < 3 * most; i++) {
    makeRoom(map, most)
    map.set(i, '')
    expect(map.size).toBeLessThanOrEqual(most)
    expect(map.size).toBeGreaterThan(Math.min(i, most - leaving))
    expect([...map.keys()].at(0)).toBe(i + 1 - map.size)
  }
})
