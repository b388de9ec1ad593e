import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { expect, test } from 'vitest'
import { createJwks } from '@shop/chassis/jwks.ts'
import { createTokenVerifier, timeFault } from './token-verifier.ts'

const issuer = 'https://exchange.shop.test'
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const now = 1_000_000
const good = { iss: issuer, iat: now, exp: now + 60 }
const token = (claims: object = good, header: object = {}, key = privateKey) => {
  const signed = `${part({ typ: 'at+jwt', alg: 'ES256', kid: 'k', ...header })}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
function setup(capacity?: number) {
  const state = { at: now * 1000, kids: ['k'] }
  const keys = createJwks(async () => ({ keys: state.kids.map((kid) => ({ ...createPublicKey(privateKey).export({ format: 'jwk' }), kid })) }), { maxAgeMs: 10_000, now: () => state.at })
  return { state, tokens: createTokenVerifier({ issuer, keys, wall: () => state.at, ...(capacity && { capacity }) }) }
}

test('a good token gives its claims, and again from memory', async () => {
  const { tokens } = setup()
  expect(await tokens.verify(token(), 'peer')).toMatchObject(good)
  const one = token()
  expect(await tokens.verify(one, 'peer')).toBe(await tokens.verify(one, 'peer'))
})

test('memory answers at once, for the peer that presented the token and nobody else', async () => {
  const { tokens } = setup()
  const one = token()
  await tokens.verify(one, 'peer')
  expect(tokens.verify(one, 'peer')).not.toBeInstanceOf(Promise)
  expect(tokens.verify(one, 'other')).toBeInstanceOf(Promise)
  await expect(tokens.verify(`${one}A`, 'peer')).rejects.toMatchObject({ code: 'token-invalid' })
})

test('memory has an end: the oldest leaves', async () => {
  const { tokens } = setup(2)
  const [first, second, third] = [token(), token(), token()] as const
  for (const one of [first, second, third]) await tokens.verify(one, 'peer')
  expect([first, second, third].map((one) => tokens.verify(one, 'peer') instanceof Promise)).toEqual([true, false, false])
})

const rs = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const bare = token().split('.')
test.each([
  ['no signature', `${bare[0]}.${bare[1]}.`],
  ['alg none', `${part({ alg: 'none', typ: 'at+jwt', kid: 'k' })}.${bare[1]}.`],
  ['HS256', token(good, { alg: 'HS256' })],
  ['another key', token(good, {}, rs)],
  ['a signature of zeros', `${bare[0]}.${bare[1]}.${Buffer.alloc(64).toString('base64url')}`],
  ['a DER signature', `${bare[0]}.${bare[1]}.${sign('sha256', Buffer.from(`${bare[0]}.${bare[1]}`), privateKey).toString('base64url')}`],
  ['a header of another token', `${part({ typ: 'at+jwt', alg: 'ES256', kid: 'k', x: 1 })}.${bare[1]}.${bare[2]}`],
  ['an unknown kid', token(good, { kid: '../../dev/null' })],
  ['crit', token(good, { crit: ['exp'] })],
  ['typ JWT', token(good, { typ: 'JWT' })],
  ['no typ', token(good, { typ: undefined })],
  ['another issuer', token({ ...good, iss: `${issuer}/` })],
  ['a list of issuers', token({ ...good, iss: [issuer] })],
])('S1.2 refused: %s', async (_name, forged) => {
  await expect(setup().tokens.verify(forged, 'peer')).rejects.toMatchObject({ code: 'token-invalid', status: 401 })
})

test.each([
  [{ exp: now }, 'ran out'], [{ exp: '9999999999' }, 'no usable times'], [{ exp: 1e20 }, 'no usable times'], [{ exp: undefined }, 'no usable times'], [{ exp: -1 }, 'no usable times'],
  [{ exp: now + 61 }, 'lives too long'], [{ iat: now + 10, exp: now + 60 }, 'not yet valid'], [{ nbf: now + 10 }, 'not yet valid'], [{ nbf: 'x' }, 'no usable times'], [{}, null],
])('S1.5 %j: %s', (change, fault) => expect(timeFault({ ...good, ...change }, now)).toBe(fault))

test('S1.5 what memory knows runs out as well', async () => {
  const { state, tokens } = setup()
  const one = token()
  await tokens.verify(one, 'peer')
  state.at += 60_000
  await expect(tokens.verify(one, 'peer')).rejects.toMatchObject({ code: 'token-expired' })
})
test('S1.5 a withdrawn key takes its tokens with it', async () => {
  const { state, tokens } = setup()
  const one = token()
  await tokens.verify(one, 'peer')
  state.kids = ['next']
  state.at += 11_000
  await tokens.verify(one, 'peer') // asks for the keys in the background
  await expect.poll(async () => { try { return await tokens.verify(one, 'peer') } catch (error) { return (error as { code: string }).code } }).toBe('token-invalid')
})
