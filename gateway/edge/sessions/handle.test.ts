import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { csrfTokenOf, isGenuine, newHandle, readSessionCookie, sessionKeys } from './handle.ts'
import { seal, unseal } from './seal.ts'

const keys = sessionKeys(randomBytes(32).toString('base64url'))
const name = '__Host-lantern-a1-session'

test('S1.2 every flipped bit of a handle is noticed', () => {
  const handle = newHandle(keys, randomBytes)
  expect(isGenuine(keys, handle)).toBe(true)
  const bytes = Buffer.from(handle, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    expect(isGenuine(keys, flipped.toString('base64url'))).toBe(false)
  }
  expect(isGenuine(sessionKeys(randomBytes(32).toString('base64url')), handle)).toBe(false)
  expect(isGenuine(keys, `${handle}=`)).toBe(false)
})

test('S1.2 no string is a handle by luck', () => {
  fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => !isGenuine(keys, text)))
})

test('S10.1 what is sealed opens in its own row with its own key, and nowhere else', () => {
  fc.assert(fc.property(fc.jsonValue(), fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(10_000), (value, row, at) => {
    const sealed = seal(keys.seal, Buffer.from(row), value)
    expect(JSON.stringify(unseal(keys.seal, Buffer.from(row), sealed))).toBe(JSON.stringify(JSON.parse(JSON.stringify(value))))
    const other = Buffer.from(row)
    other[0]! ^= 1
    expect(() => unseal(keys.seal, other, sealed)).toThrow()
    expect(() => unseal(keys.csrf, Buffer.from(row), sealed)).toThrow()
    const changed = Buffer.from(sealed)
    changed[at % changed.length]! ^= 1
    expect(() => unseal(keys.seal, Buffer.from(row), changed)).toThrow()
  }))
})

test('S10.1 each use has its own key, and a token says nothing of its handle', () => {
  const handle = newHandle(keys, randomBytes)
  expect(new Set([keys.handle, keys.seal, keys.csrf].map(String)).size).toBe(3)
  expect(csrfTokenOf(keys, handle)).not.toBe(csrfTokenOf(keys, newHandle(keys, randomBytes)))
  expect(() => sessionKeys('short')).toThrow()
})

test.each([[undefined, undefined], ['', undefined], ['a=b; c', undefined], [`a=b; ${name}=h; d=e`, 'h'], [`${name}=`, ''], ['__Host-other-a1-session=x', undefined]])('reads %s', (header, handle) => {
  expect(readSessionCookie(header, name)).toBe(handle)
})
test.each([`${name}=a; ${name}=b`, `${name}=a;${name}=a`, `${name}`, `__HOST-lantern-a1-session=a`, `"${name}"=a`, `$${name}=a`, `\u00a0${name}=a`, `\u2003${name}=a`, ` ${name} =a`, Buffer.from('\uff3f_Host-lantern-a1-session=a').toString('latin1')])('S10.1 refuses %s', (header) => {
  expect(() => readSessionCookie(header, name)).toThrow(expect.objectContaining({ code: 'cookie-repeated' }))
})
