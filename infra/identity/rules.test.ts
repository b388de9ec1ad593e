/** The rules that need nothing running. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalName, readRegistration } from './accounts.ts'
import { configSchema } from './config.ts'
import { meaningOf } from './events.ts'
import { html } from '@shop/chassis/html.ts'
import { hashPassword, verifyPassword } from './password.ts'
import { seal, unseal } from './seal.ts'
import { planKeys, type Generation } from './signing-keys.ts'

describe('registration', () => {
  const good = { username: 'Carla', name: 'Carla Čapek', email: 'Carla@Example.org', password: 'wandering lanterns 7' }
  test('comes out canonical', () => {
    expect(readRegistration(good)).toEqual({ ok: { ...good, username: 'carla', email: 'carla@example.org' } })
  })
  test.each([
    ['username', 'ab'], ['username', 'a b c'], ['username', '-abc'], ['username', 'a'.repeat(33)], ['username', 'алиса'], ['name', ''], ['name', 'x'.repeat(101)], ['name', '<b>'], ['name', 'a\nb'],
    ['email', 'a'], ['email', 'a@b'], ['email', 'a b@c.de'], ['email', `a@${'b'.repeat(250)}.de`], ['password', 'elevenchars'], ['password', 'x'.repeat(129)], ['password', 'my name is CARLA ok'],
  ])('names the field: %s %s', (field, value) => {
    const checked = readRegistration({ ...good, [field]: value })
    expect('errors' in checked && checked.errors.map((e) => e.field)).toEqual([field])
  })
  test('counts characters as people do: twelve emoji are twelve', () => {
    expect(readRegistration({ ...good, password: '🏮'.repeat(12) })).toHaveProperty('ok')
    expect(readRegistration({ ...good, password: '🏮'.repeat(11) })).toHaveProperty('errors')
  })
  test('a name is one name however it is typed', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (name) => canonicalName(canonicalName(name)) === canonicalName(name)))
  })
})

describe('passwords', () => {
  test('verify in either normal form, and nothing else does', async () => {
    const phc = await hashPassword('caf\u00e9 au lait complet')
    expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await verifyPassword('cafe\u0301 au lait complet', phc)).toBe(true)
    expect(await verifyPassword('cafe au lait complet', phc)).toBe(false)
  })
  // Sixty-six hashes are seconds of two cores; a machine with ten others at work took ten.
  test('a flood is refused, not queued without end', { timeout: 60_000 }, async () => {
    const results = await Promise.allSettled(Array.from({ length: 80 }, () => hashPassword('a flood of passwords')))
    expect(results.filter((r) => r.status === 'rejected').length).toBe(80 - 66)
  })
})

describe('signing keys', () => {
  const lifetimes = { lifetimeSeconds: 100, overlapSeconds: 10 }
  const key = (generation: number, createdAt: number): Generation => ({ generation, label: `k${generation}`, createdAt: createdAt * 1000 })
  const plan = (keys: Generation[], now: number) => {
    const { isNewDue, published, retired } = planKeys(keys, now * 1000, lifetimes)
    return { isNewDue, published: published.map((k) => k.generation), retired: retired.map((k) => k.generation) }
  }
  test.each([
    ['none yet', [], 0, { isNewDue: true, published: [], retired: [] }],
    ['the first signs at once', [key(1, 0)], 0, { isNewDue: false, published: [1], retired: [] }],
    ['old age', [key(1, 0)], 100, { isNewDue: true, published: [1], retired: [] }],
    ['the next is published before it signs', [key(2, 100), key(1, 0)], 109, { isNewDue: false, published: [1, 2], retired: [] }],
    ['then signs, the last stays', [key(2, 100), key(1, 0)], 110, { isNewDue: false, published: [2, 1], retired: [] }],
    ['then goes', [key(2, 100), key(1, 0)], 120, { isNewDue: false, published: [2], retired: [1] }],
  ] as const)('%s', (_name, keys, now, expected) => {
    expect(plan([...keys], now)).toEqual(expected)
  })
  test('whoever signs was published for the overlap before, and stays for the overlap after', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 10 }), (lifetimeSeconds, overlapSeconds) => {
      let keys: Generation[] = []
      const publishedAt = new Map<number, number[]>()
      const signedAt = new Map<number, number[]>()
      for (let t = 0; t < 200; t++) {
        if (planKeys(keys, t * 1000, { lifetimeSeconds, overlapSeconds }).isNewDue) keys = [key((keys[0]?.generation ?? 0) + 1, t), ...keys]
        const { published, retired } = planKeys(keys, t * 1000, { lifetimeSeconds, overlapSeconds })
        keys = keys.filter((k) => !retired.includes(k))
        for (const k of published) publishedAt.set(k.generation, [...(publishedAt.get(k.generation) ?? []), t])
        signedAt.set(published[0]!.generation, [...(signedAt.get(published[0]!.generation) ?? []), t])
      }
      for (const [generation, times] of signedAt) {
        const seen = publishedAt.get(generation)!
        if (generation > 1) expect(times[0]! - seen[0]!).toBeGreaterThanOrEqual(overlapSeconds)
        if (times.at(-1)! + overlapSeconds < 200) expect(seen.at(-1)! - times.at(-1)!).toBeGreaterThanOrEqual(overlapSeconds - 1 + Number(overlapSeconds > 1) * 0)
        expect(new Set(times).size).toBe(times.at(-1)! - times[0]! + 1) // no key signs, stops and signs again
      }
    }))
  })
})

test.each([
  [{ error: 'invalid_grant', error_detail: 'refresh token already used' }, 'TOKEN-REPLAY'],
  [{ error: 'invalid_grant', error_detail: 'AuthorizationCode already used' }, 'TOKEN-REPLAY'],
  [{ error: 'invalid_grant', error_detail: 'failed jkt verification' }, 'TOKEN-BIND'],
  [{ error: 'invalid_grant', error_detail: 'PKCE verification failed' }, 'OAUTH-PKCE'],
  [{ error: 'invalid_redirect_uri' }, 'OAUTH-REDIRECT'],
  [{ error: 'unsupported_grant_type' }, 'AE10'],
  [{ error: 'invalid_client', error_detail: 'client not found' }, 'TOKEN-INVALID'],
  [{ error: 'use_dpop_nonce', error_description: 'nonce is required in the DPoP proof' }, undefined],
  [{ error: 'access_denied' }, undefined],
])('a refusal means something to the monitor: %o', (error, detection) => {
  expect(meaningOf(error)?.detection).toBe(detection)
})

test('a sealed row opens in its own place only', () => {
  const key = Buffer.alloc(32, 7)
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, place) => {
    const sealed = seal(key, place, text)
    expect(unseal(key, place, sealed)).toBe(text)
    expect(() => unseal(key, `${place}x`, sealed)).toThrow()
    sealed[sealed.length - 1]! ^= 1
    expect(() => unseal(key, place, sealed)).toThrow()
  }), { numRuns: 50 })
})

test('templates escape', () => {
  fc.assert(fc.property(fc.string(), (text) => !/[<>"']/.test(html`${text}`.html)))
})

test('a seller without a seller id is refused by name', () => {
  const config = { port: 1, issuer: 'https://localhost:1', certificate: '', vaultSocket: '/s', database: { host: 'h', port: 1, database: 'd', user: 'u' }, edge: { redirectUris: ['https://localhost:2/callback'], postLogoutRedirectUris: ['https://localhost:2/'], spiffeId: 'spiffe://a/mesh/edge' }, userRoots: '', accounts: [{ username: 'sam', role: 'seller', name: 'Sam', email: 'sam@example.org' }] }
  expect(configSchema.safeParse(config).error?.issues[0]?.path).toEqual(['accounts', 0, 'seller'])
})
