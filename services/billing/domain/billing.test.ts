import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { captured, refunded } from './ledger.ts'
import { next, outcomeOf, type Goal, type Status } from './payment.ts'
import { isSignedByProvider } from '../webhook.ts'

const amount = fc.integer({ min: 1, max: 10_000_000_000 })
const sum = (entries: { amountMinor: number }[]) => entries.reduce((s, e) => s + e.amountMinor, 0)

test('A4 every posting adds up to zero, and a refund undoes its capture account by account', () => fc.assert(fc.property(amount, (a) => {
  expect(sum(captured(a))).toBe(0)
  expect(sum(refunded(a))).toBe(0)
  for (const account of ['receivable', 'clearing', 'revenue']) expect(sum([...captured(a), ...refunded(a)].filter((e) => e.account === account))).toBe(0)
})))

const statuses: Status[] = ['requested', 'authorized', 'declined', 'capturing', 'captured', 'voiding', 'cancelled', 'refunding', 'refunded']

/** Plays a goal from a state to its end; the provider may decline an authorization. */
function play(status: Status, goal: Goal, isDeclined: boolean): { end: Status; calls: string[] } | 'refused' {
  const calls: string[] = []
  for (;;) {
    const step = next(status, goal)
    if (step === 'refused') return 'refused'
    if (step === 'done') return { end: status, calls }
    calls.push(step.call)
    expect(calls.length).toBeLessThanOrEqual(4)
    status = step.call === 'authorize' && isDeclined ? 'declined' : outcomeOf[step.call]
  }
}

test.each(statuses.flatMap((s) => [[s, false], [s, true]] as const))('A6 cancelling a %s payment (declined: %s) ends with nothing held or taken', (status, isDeclined) => {
  const played = play(status, 'cancel', isDeclined)
  expect(played).not.toBe('refused')
  expect(['declined', 'cancelled', 'refunded']).toContain((played as { end: Status }).end)
})

test('nothing is captured once it is being given back', () => {
  for (const status of ['voiding', 'cancelled', 'refunding', 'refunded', 'declined', 'requested'] as Status[]) expect(play(status, 'capture', false)).toBe('refused')
})

const SECRET = 'a secret shared with the provider'
const signed = (t: number, payload: string) => `t=${t},v1=${createHmac('sha256', SECRET).update(`${t}.${payload}`).digest('hex')}`

test('A4 a webhook counts only with the provider\'s fresh signature over these very bytes', () => {
  expect(isSignedByProvider(signed(1000, '{"a":1}'), '{"a":1}', SECRET, 1010)).toBe(true)
  expect(isSignedByProvider(signed(1000, '{"a":1}'), '{"a":2}', SECRET, 1010)).toBe(false)
  expect(isSignedByProvider(signed(1000, '{"a":1}'), '{"a":1}', SECRET, 1301)).toBe(false)
  expect(isSignedByProvider(signed(1000, '{"a":1}'), '{"a":1}', 'another secret', 1010)).toBe(false)
  for (const header of ['', 't=1000', 't=1000,v1=', `t=1000,v1=${'0'.repeat(64)}`, signed(1000, '{"a":1}').toUpperCase()]) expect(isSignedByProvider(header, '{"a":1}', SECRET, 1000)).toBe(false)
})
