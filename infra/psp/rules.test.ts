import fc from 'fast-check'
import { expect, test } from 'vitest'
import { INSTRUMENTS, isIban, isLuhn, isUnexpired } from './instruments.ts'
import { act, type Action, type Payment, type Status } from './payment.ts'
import { signature } from './webhooks.ts'

test('every test number is well formed, and one wrong digit never passes', () => {
  for (const { method, number } of INSTRUMENTS) expect(method === 'card' ? isLuhn(number) : isIban(number)).toBe(true)
  fc.assert(fc.property(fc.constantFrom(...INSTRUMENTS), fc.nat(), fc.integer({ min: 1, max: 9 }), (i, at, add) => {
    const places = [...i.number].flatMap((c, n) => (/\d/.test(c) ? [n] : []))
    const place = places[at % places.length]!
    const wrong = i.number.slice(0, place) + String((Number(i.number[place]) + add) % 10) + i.number.slice(place + 1)
    return !(i.method === 'card' ? isLuhn(wrong) : isIban(wrong))
  }))
})

test.each([['', false], ['GB82 WEST', false], ['GB82WEST12345698765432', true], ['gb82west12345698765432', false], ['DE00370400440532013000', false]])('IBAN %s: %s', (text, is) => {
  expect(isIban(text)).toBe(is)
})

test.each([['11/26', true], ['10/26', false], ['12/26', true], ['13/30', false], ['00/30', false], ['12/99', false]])('a card of %s in November 2026: %s', (expiry, is) => {
  expect(isUnexpired(expiry, new Date('2026-11-30T23:59:59Z'))).toBe(is)
})

const payment = (status: Status, refundedMinor = 0): Payment => ({ id: 'pay_', reference: 'r', method: 'card', status, declineReason: null, amountMinor: 1_000, currency: 'EUR', refundedMinor, settledAt: null, createdAt: new Date(0) })

test.each([
  ['authorized', 'capture', 'captured'], ['authorized', 'void', 'voided'], ['authorized', 'refund', null], ['captured', 'capture', null], ['captured', 'void', null], ['captured', 'refund', 'captured'],
  ['declined', 'capture', null], ['declined', 'void', null], ['declined', 'refund', null], ['voided', 'capture', null], ['voided', 'void', null], ['voided', 'refund', null],
] as [Status, Action, Status | null][])('%s + %s → %s', (status, action, next) => {
  if (next) expect(act(payment(status), action, undefined).status).toBe(next)
  else expect(() => act(payment(status), action, undefined)).toThrow(expect.objectContaining({ code: 'payment-state-conflict' }))
})

test('whatever is asked in whatever order, never more is given back than was taken', () => {
  fc.assert(fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 1_200 }))), (asked) => {
    let refunded = 0
    for (const amount of asked) {
      try {
        const next = act(payment('captured', refunded), 'refund', amount ?? undefined)
        expect(next.refundedMinor - refunded).toBe(next.amountMinor)
        refunded = next.refundedMinor
      } catch { /* refused */ }
    }
    expect(refunded).toBeLessThanOrEqual(1_000)
  }))
})

test('a signature covers time and payload', () => { // by openssl dgst -sha256 -hmac secret
  expect(signature('{}', 'secret', 1)).toBe('t=1,v1=1122767b193110cfec322b6f199b599edbf608ed087f2d27afb0b97d99523908')
})
