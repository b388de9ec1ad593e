import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apply, type ReservationCommand, type ReservationState } from './reservation.ts'
import { repeated, shortages } from './stock.ts'

describe('a reservation', () => {
  test.each<[ReservationState | null, ReservationCommand, string]>([
    [null, 'reserve', 'held take'], [null, 'release', 'released keep'], [null, 'commit', 'unknown'],
    ['held', 'reserve', 'held keep'], ['held', 'commit', 'committed keep'], ['held', 'release', 'released give'], ['held', 'expire', 'expired give'],
    ['committed', 'commit', 'committed keep'], ['committed', 'release', 'released give'], ['committed', 'expire', 'closed'],
    ['released', 'reserve', 'closed'], ['released', 'release', 'released keep'], ['released', 'commit', 'closed'],
    ['expired', 'reserve', 'held take'], ['expired', 'commit', 'committed take'], ['expired', 'release', 'released keep'],
  ])('that is %s answers %s with %s', (state, command, answer) => {
    const result = apply(state, command)
    expect('refused' in result ? result.refused : `${result.next} ${result.stock}`).toBe(answer)
  })

  test('neither loses nor makes stock, whatever is asked how often', () => {
    const command = fc.record({ order: fc.integer({ min: 0, max: 3 }), ask: fc.constantFrom<ReservationCommand>('reserve', 'commit', 'release', 'expire') })
    fc.assert(fc.property(fc.integer({ min: 0, max: 12 }), fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 4, maxLength: 4 }), fc.array(command, { maxLength: 60 }), (initial, wants, asks) => {
      let shelf = initial
      const orders: (ReservationState | null)[] = [null, null, null, null]
      for (const { order, ask } of asks) {
        const result = apply(orders[order]!, ask)
        if ('refused' in result) continue
        if (result.stock === 'take' && shortages(new Map([['p', shelf]]), [{ productId: 'p', quantity: wants[order]! }]).length) continue
        shelf += result.stock === 'take' ? -wants[order]! : result.stock === 'give' ? wants[order]! : 0
        orders[order] = result.next
        const out = orders.reduce((sum, state, i) => sum + (state === 'held' || state === 'committed' ? wants[i]! : 0), 0)
        expect(shelf).toBeGreaterThanOrEqual(0)
        expect(shelf + out).toBe(initial)
      }
    }))
  })
})

test('shortages name the line, what was wanted and what is there', () => {
  expect(shortages(new Map([['a', 2], ['b', 1]]), [{ productId: 'a', quantity: 2 }, { productId: 'b', quantity: 2 }, { productId: 'c', quantity: 1 }]))
    .toEqual([{ index: 1, productId: 'b', wanted: 2, available: 1 }, { index: 2, productId: 'c', wanted: 1, available: 0 }])
})

test('a product in two lines is named', () => {
  expect(repeated([{ productId: 'a', quantity: 1 }, { productId: 'b', quantity: 1 }, { productId: 'a', quantity: 3 }])).toEqual(['a'])
})
