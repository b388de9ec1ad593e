import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ITEMS_PER_PACKAGE, pack } from './bill-of-lading.ts'
import { after, nextStep, type Status } from './shipment.ts'

const lines = fc.array(fc.record({ productId: fc.uuid(), name: fc.constant('Cup'), quantity: fc.integer({ min: 1, max: 99 }) }), { minLength: 1, maxLength: 20 })

test('A3 every item is in exactly one parcel, and no parcel is overfull or empty', () => fc.assert(fc.property(lines, (wanted) => {
  const packages = pack(wanted)
  const packed = packages.flatMap((p) => p.lines)
  const count = (of: { productId: string; quantity: number }[], id: string) => of.filter((l) => l.productId === id).reduce((n, l) => n + l.quantity, 0)
  for (const { productId } of wanted) expect(count(packed, productId)).toBe(count(wanted, productId))
  for (const p of packages) {
    const items = p.lines.reduce((n, l) => n + l.quantity, 0)
    expect(items).toBeGreaterThan(0)
    expect(items).toBeLessThanOrEqual(ITEMS_PER_PACKAGE)
  }
  expect(packages.map((p) => p.number)).toEqual(packages.map((_, i) => i + 1))
})))

test.each<[Status, string, Status | null]>([
  ['created', 'dispatch', 'dispatched'], ['created', 'cancel', 'cancelled'], ['dispatched', 'cancel', null], ['in-transit', 'cancel', null], ['delivered', 'cancel', null],
  ['cancelled', 'cancel', 'cancelled'], ['cancelled', 'dispatch', null], ['delivered', 'deliver', null],
])('%s, %s: %s', (status, step, next) => expect(after(status, step as 'dispatch')).toBe(next))

test('the carrier brings every shipment to its end', () => {
  let status: Status = 'created'
  for (let next = nextStep(status, 'express'); next; next = nextStep(status, 'express')) status = after(status, next.step)!
  expect(status).toBe('delivered')
})
