import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dateOf, labelOf, planKeys, SETTLE_MS } from './key-plan.ts'

const lives = { keyLifetimeMs: 60_000, tokenLifetimeMs: 5_000 }
const key = (createdAtMs: number) => ({ label: labelOf(1_800_000_000_000 + createdAtMs), createdAtMs })
const plan = (created: number[], now: number) => {
  const { signWith, publish, remove, isDue } = planKeys(created.map(key), now, lives)
  const at = (label: string) => dateOf(label)! - 1_800_000_000_000
  return { signWith: signWith && at(signWith), publish: publish.map(at), remove: remove.map(at), isDue }
}

test.each([
  ['none', [], 0, { signWith: null, publish: [], remove: [], isDue: true }],
  ['the first signs at once', [0], 0, { signWith: 0, publish: [0], remove: [], isDue: false }],
  ['due for the next', [0], 60_000, { signWith: 0, publish: [0], remove: [], isDue: true }],
  ['the next is published before it signs', [0, 60_000], 60_000 + SETTLE_MS - 1, { signWith: 0, publish: [60_000, 0], remove: [], isDue: false }],
  ['then it signs, the old one stays published', [0, 60_000], 60_000 + SETTLE_MS, { signWith: 60_000, publish: [60_000, 0], remove: [], isDue: false }],
  ['until no token of the old one lives', [0, 60_000], 80_000, { signWith: 60_000, publish: [60_000], remove: [0], isDue: false }],
])('%s', (_what, created, now, expected) => {
  expect(plan(created, now)).toEqual(expected)
})

test('a token always finds its key: what signed within a token\'s life is still published', () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat(300_000), { minLength: 1, maxLength: 5 }), fc.nat(400_000), fc.nat(lives.tokenLifetimeMs), (created, then, later) => {
    const known = created.filter((at) => at <= then)
    fc.pre(known.length > 0)
    const { signWith } = plan(known, then)
    expect(plan(created.filter((at) => at <= then + later), then + later).publish).toContain(signWith)
  }))
})
