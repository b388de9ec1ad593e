import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { createJwks } from './jwks.ts'

const jwk = (kid: string, more: object = {}) => ({ ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }), kid, ...more })

function setUp() {
  const state = { nowMs: 0, asked: 0, keys: [jwk('a')] as unknown, isAway: false }
  const jwks = createJwks(async () => {
    state.asked++
    if (state.isAway) throw new Error('away')
    return { keys: state.keys }
  }, { minIntervalMs: 1_000, maxAgeMs: 10_000, now: () => state.nowMs })
  return { state, jwks }
}

test('asks once for many, then answers at once', async () => {
  const { state, jwks } = setUp()
  await Promise.all(Array.from({ length: 20 }, () => jwks.key('a')))
  expect(state.asked).toBe(1)
  expect(jwks.key('a')).not.toBeInstanceOf(Promise)
})

test('S1.2 unknown kids ask at most once an interval; a rotation is found', async () => {
  const { state, jwks } = setUp()
  await jwks.key('a')
  for (let i = 0; i < 50; i++) expect(await jwks.key(`guess-${i}`)).toBeUndefined()
  expect(state.asked).toBe(1)
  state.keys = [jwk('a'), jwk('b')]
  state.nowMs = 1_000
  expect(await jwks.key('b')).toBeDefined()
  expect(state.asked).toBe(2)
})

test('an issuer that is away: unavailable, not invalid; known keys go on, and it is asked again', async () => {
  const { state, jwks } = setUp()
  state.isAway = true
  await expect(jwks.key('a')).rejects.toMatchObject({ code: 'unavailable' })
  await expect(jwks.key('a')).rejects.toMatchObject({ code: 'unavailable' })
  expect(state.asked).toBe(1)
  state.isAway = false
  state.nowMs = 1_000
  expect(await jwks.key('a')).toBeDefined()
  state.isAway = true
  state.nowMs = 60_000
  expect(jwks.key('a')).toBeDefined()
})

test('a withdrawn key leaves with the next answer', async () => {
  const { state, jwks } = setUp()
  await jwks.key('a')
  state.keys = [jwk('b')]
  state.nowMs = 11_000
  jwks.key('a')
  await expect.poll(() => jwks.key('a') instanceof Promise).toBe(true)
})

test.each([
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })], ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })],
  ['for encryption', jwk('x', { use: 'enc' })], ['another algorithm', jwk('x', { alg: 'ES384' })], ['symmetric', { kty: 'oct', k: 'AAAA' }],
])('passes over a key that is %s', async (_what, key) => {
  const { state, jwks } = setUp()
  state.keys = [{ ...key, kid: 'x' }, jwk('y')]
  expect(await jwks.key('x')).toBeUndefined()
  expect(jwks.key('y')).toBeDefined()
})
