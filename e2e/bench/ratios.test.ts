import { expect, test } from 'vitest'
import { compare, judge, spread } from './ratios.ts'

test('quartiles lie between the values that surround them', () => {
  expect(spread([4, 1, 3, 2])).toEqual({ min: 1, lowerQuartile: 1.75, median: 2.5, upperQuartile: 3.25, max: 4 })
  expect(spread([7])).toEqual({ min: 7, lowerQuartile: 7, median: 7, upperQuartile: 7, max: 7 })
})

test('a round that was slow for both does not change the ratio', () => {
  expect(compare([2, 20, 2], [1, 10, 1])).toEqual({ ratio: { min: 2, lowerQuartile: 2, median: 2, upperQuartile: 2, max: 2 }, ofQuartiles: 2 })
})

test.each([
  ['less', 1.05, 'goal reached'], ['less', 1.2, 'acceptable'], ['less', 1.4, 'missed'],
  ['more', 1.2, 'goal reached'], ['more', 0.9, 'missed'],
] as const)('%s: %d is %s', (better, value, verdict) => {
  expect(judge(better === 'less' ? { better, goal: 1.1, acceptable: 1.3 } : { better, goal: 1.1, acceptable: 1 }, compare([value, value], [1, 1]))).toBe(verdict)
})

test('two figures that disagree say nothing', () => {
  // Median 2, but the quiet rounds were equal.
  expect(judge({ better: 'less', goal: 1.1, acceptable: 1.3 }, compare([1, 1, 2, 2, 2], [1, 1, 1, 1, 1]))).toBe('inconclusive')
})
