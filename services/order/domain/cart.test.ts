import fc from 'fast-check'
import { expect, test } from 'vitest'
import { agreed, CART_LINES, merged, priced, QUANTITY, type Quote } from './cart.ts'
import { lineTotalMinor, totalMinor } from './money.ts'

const quote = (productId: string, unitPriceMinor: number, stock = 99): Quote => ({ productId, number: 'HK-0001', name: 'Cup', seller: 'Hanok', unitPriceMinor, currency: 'EUR', stock })

test('the total is the sum of price × quantity, exactly', () => {
  fc.assert(fc.property(fc.array(fc.record({ unitPriceMinor: fc.integer({ min: 1, max: 10_000_000 }), quantity: fc.integer({ min: 1, max: QUANTITY }) }), { maxLength: CART_LINES }), (lines) => {
    const exact = lines.reduce((sum, l) => sum + BigInt(l.unitPriceMinor) * BigInt(l.quantity), 0n)
    expect(BigInt(totalMinor(lines))).toBe(exact)
    const cart = priced(lines.map((l, i) => ({ productId: `${i}`, quantity: l.quantity })), lines.map((l, i) => quote(`${i}`, l.unitPriceMinor)))
    expect(cart.totalMinor).toBe(cart.lines.reduce((sum, l) => sum + l.lineTotalMinor, 0))
  }))
})

test.each([[0.1, 1], [1, 0.5], [-1, 1], [2 ** 53, 1], [Number.NaN, 1]])('%d × %d is no amount', (price, quantity) => {
  expect(() => lineTotalMinor(price, quantity)).toThrow(RangeError)
})

test.each([
  ['what was agreed', 2_000, 'EUR', 99, 'ok'], ['a cent less', 1_999, 'EUR', 99, 'price-changed'], ['nothing', 0, 'EUR', 99, 'price-changed'],
  ['another currency', 2_000, 'KRW', 99, 'price-changed'], ['more than there is', 2_000, 'EUR', 1, 'out-of-stock'],
])('A2 an order for %s: %d %s', (_what, agreedTotalMinor, currency, stock, result) => {
  const answer = agreed(priced([{ productId: 'a', quantity: 2 }], [quote('a', 1_000, stock)]), { agreedTotalMinor, currency })
  expect('refused' in answer ? answer.refused : 'ok').toBe(result)
})

test('an empty cart, or one whose products are gone, is no order', () => {
  expect(agreed(priced([{ productId: 'gone', quantity: 1 }], []), { agreedTotalMinor: 0, currency: 'EUR' })).toMatchObject({ refused: 'cart-empty' })
})

test('merging keeps every product of the user, adds quantities up to the limit, and never exceeds the cart', () => {
  const lines = fc.uniqueArray(fc.record({ productId: fc.integer({ min: 0, max: 80 }).map(String), quantity: fc.integer({ min: 1, max: QUANTITY }) }), { selector: (l) => l.productId, maxLength: CART_LINES })
  fc.assert(fc.property(lines, lines, (mine, guests) => {
    const all = merged(mine, guests)
    expect(all.length).toBeLessThanOrEqual(CART_LINES)
    for (const line of all) {
      const sum = [...mine, ...guests].filter((l) => l.productId === line.productId).reduce((n, l) => n + l.quantity, 0)
      expect(line.quantity).toBe(Math.min(QUANTITY, sum))
    }
    for (const { productId } of mine) expect(all.some((l) => l.productId === productId)).toBe(true)
    expect(merged(all, [])).toEqual(all)
  }))
})

test('A2 an order that could not be paid in one payment is refused at once', () => {
  const cart = priced([{ productId: 'a', quantity: 11 }], [quote('a', 10_000_000, 50)])
  expect(agreed(cart, { agreedTotalMinor: cart.totalMinor, currency: 'EUR' })).toMatchObject({ refused: 'total-too-high' })
})
