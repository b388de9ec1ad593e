import { createHash, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createRegistrations } from './registrations.ts'

const hashOf = (secret: string) => createHash('sha256').update(secret).digest('base64url')
const registration = { workload: 'order', certificates: ['mesh' as const], process: 'order-1' }

test('S7.1 whoever announces too many is told when there is room, and those announced still enrol', () => {
  const registrations = createRegistrations()
  registrations.register(hashOf('first'), registration, 0)
  for (let n = 1; n < 1_000; n++) registrations.register(randomUUID(), registration, 60_000)
  const full = () => registrations.register(hashOf('late'), registration, 60_500)
  expect(full).toThrow(expect.objectContaining({ code: 'registrations-full', status: 429, options: expect.objectContaining({ headers: { 'retry-after': '240' } }) }))
  expect(registrations.redeem('first', 61_000)).toEqual(registration)
  registrations.register(hashOf('late'), registration, 361_000)
  expect(registrations.redeem('late', 361_001)).toEqual(registration)
})
