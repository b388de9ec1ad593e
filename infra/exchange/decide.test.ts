import { actorsOf, MAX_ACTORS } from '@shop/chassis/narrow-claims.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide, ownSubject, type CallerPeer, type Structure, type TokenSubject } from './decide.ts'
import { Refusal } from './refusal.ts'

const structure: Structure = {
  trustDomain: 'shop.test', lifetimeSeconds: 60,
  services: {
    order: { callers: { edge: ['getCart', 'placeOrder'] }, operations: [{ id: 'getCart', subjects: ['user', 'guest'], isSingleUse: false }, { id: 'placeOrder', subjects: ['user'], isSingleUse: false }, { id: 'listOrders', subjects: ['user'], isSingleUse: false }] },
    billing: { callers: { order: ['authorizePayment'], edge: ['findByOrder'] }, operations: [{ id: 'authorizePayment', subjects: ['service'], isSingleUse: true }, { id: 'findByOrder', subjects: ['user'], isSingleUse: false }] },
  },
}
const peer = (workload: string): CallerPeer => ({ workload, spiffeId: `spiffe://shop.test/mesh/${workload}`, thumbprint: `thumb-${workload}` })
const NOW = 1_800_000_000
const alice: TokenSubject = { kind: 'user', sub: 'alice', role: 'customer', exp: NOW + 600, chain: [] }
const get = (caller: string, audience: string, scope: string, subject: TokenSubject) => {
  try {
    return decide({ audience, scope, subject }, peer(caller), structure, NOW)
  } catch (error) {
    if (error instanceof Refusal) return `${error.error} ${error.code}`
    throw error
  }
}

describe('S12.5 tokens are only narrowed', () => {
  test('the whole token', () => {
    expect(get('edge', 'order', 'getCart', { ...alice, role: 'seller', seller: 'lumen', txn: 't1', rel: 'v2' })).toEqual({
      iss: 'https://exchange.shop.test', aud: 'spiffe://shop.test/mesh/order', sub: 'alice', scope: 'getCart', role: 'seller', seller: 'lumen', txn: 't1', rel: 'v2',
      act: { sub: 'spiffe://shop.test/mesh/edge' }, cnf: { 'x5t#S256': 'thumb-edge' }, iat: NOW, exp: NOW + 60,
    })
  })
  const chain = (n: number) => Array.from({ length: n }, (_, i) => `spiffe://shop.test/mesh/w${i}`)
  test.each([
    ['unknown service', 'edge', 'payroll', 'getCart', alice, 'invalid_target target-not-allowed'],
    ['a name every object has', 'edge', 'constructor', 'getCart', alice, 'invalid_target target-not-allowed'],
    ['service that does not list the caller', 'shipping', 'order', 'getCart', alice, 'invalid_target target-not-allowed'],
    ['caller named like a property', 'toString', 'order', 'getCart', alice, 'invalid_target target-not-allowed'],
    ['operation of another caller', 'edge', 'billing', 'authorizePayment', alice, 'invalid_scope operation-not-allowed'],
    ['operation that nobody calls', 'edge', 'order', 'listOrders', alice, 'invalid_scope operation-not-allowed'],
    ['unknown operation', 'edge', 'order', 'dropTables', alice, 'invalid_scope operation-not-allowed'],
    ['a user where services act', 'order', 'billing', 'authorizePayment', alice, 'access_denied subject-not-allowed'],
    ['a guest where users act', 'edge', 'order', 'placeOrder', ownSubject(peer('edge'), '1'), 'access_denied subject-not-allowed'],
    ['a service where users act', 'edge', 'order', 'getCart', ownSubject(peer('edge'), undefined), 'access_denied subject-not-allowed'],
    ['an ended subject', 'edge', 'order', 'getCart', { ...alice, exp: NOW }, 'invalid_grant subject-expired'],
    ['a loop of actors', 'edge', 'order', 'getCart', { ...alice, chain: [...chain(2), 'spiffe://shop.test/mesh/edge'] }, 'invalid_grant actor-loop'],
    ['too many actors', 'edge', 'order', 'getCart', { ...alice, chain: chain(MAX_ACTORS) }, 'invalid_grant actor-chain'],
  ] as const)('%s', (_what, caller, audience, scope, subject, expected) => {
    expect(get(caller, audience, scope, subject as TokenSubject)).toBe(expected)
  })
  test('only the edge speaks for guests', () => {
    expect(() => ownSubject(peer('order'), '1')).toThrow(Refusal)
    expect(ownSubject(peer('edge'), '1')).toMatchObject({ sub: 'guest:1', kind: 'guest' })
    expect(ownSubject(peer('order'), undefined)).toMatchObject({ sub: 'spiffe://shop.test/mesh/order', kind: 'service' })
  })
  test('whatever is asked: never longer, never another subject, the caller first among the actors', () => {
    const subject = fc.record({ kind: fc.constant('user' as const), sub: fc.uuid(), role: fc.constantFrom('customer' as const, 'staff' as const), exp: fc.double({ min: NOW - 100, max: NOW + 1_000, noNaN: true }), chain: fc.nat(MAX_ACTORS + 1).map(chain) })
    fc.assert(fc.property(subject, fc.constantFrom('edge', 'order', 'shipping'), fc.constantFrom('order', 'billing', 'x'), fc.constantFrom('getCart', 'placeOrder', 'findByOrder', 'authorizePayment'), (subject, caller, audience, scope) => {
      const got = get(caller, audience, scope, subject)
      if (typeof got === 'string') return
      expect(got.exp).toBeLessThanOrEqual(Math.min(subject.exp, NOW + 60))
      expect(got.exp).toBeGreaterThan(NOW)
      expect([got.sub, got.role]).toEqual([subject.sub, subject.role])
      expect(actorsOf(got.act, 'shop.test')).toEqual([peer(caller).spiffeId, ...subject.chain])
      expect(structure.services[audience]!.callers[caller]).toContain(got.scope)
    }))
  })
})
