import { expect, test } from 'vitest'
import type { Credentials } from '@shop/chassis/identity.ts'
import type { Operation } from '@shop/chassis/operation.ts'
import { newTrace } from '@shop/chassis/trace.ts'
import { createNarrowTokens, type TokenWanted } from './narrow-token.ts'

const read = { id: 'getOrder', method: 'GET', isSingleUse: false } as Operation
const write = { id: 'placeOrder', method: 'POST', isSingleUse: false } as Operation
const once = { id: 'peek', method: 'GET', isSingleUse: true } as Operation
const own = { thumbprint: 'mine' } as Credentials

function setup(seconds = 60) {
  const forms: URLSearchParams[] = []
  const clock = { at: 0, now: () => clock.at, wall: () => clock.at, random: Math.random, sleep: async () => {} }
  const tokens = createNarrowTokens({
    async token(form) {
      forms.push(form)
      return { status: 200, body: { access_token: `t${forms.length}`, expires_in: seconds } }
    },
    redeem: async () => ({ status: 200, body: {} }),
  }, clock, 3)
  const get = (wanted: Partial<TokenWanted> = {}) => tokens.get({ subject: { kind: 'token', token: 'u' }, callee: 'order', operation: read, credentials: own, deadline: 1_000, trace: newTrace(true), ...wanted })
  return { forms, clock, get }
}

test('S12.5 a read is exchanged once, also when asked for at the same time', async () => {
  const { forms, get } = setup()
  expect(await Promise.all([get(), get(), get()])).toEqual(['t1', 't1', 't1'])
  expect(await get()).toBe('t1')
  expect(forms).toHaveLength(1)
})
test.each([
  ['another subject token', { subject: { kind: 'token', token: 'v' } }],
  ['a guest', { subject: { kind: 'guest', guest: 'u' } }],
  ['itself', { subject: { kind: 'self' } }],
  ['another certificate of ours', { credentials: { thumbprint: 'renewed' } as Credentials }],
  ['another callee', { callee: 'billing' }],
  ['another operation', { operation: { ...read, id: 'listOrders' } }],
  ['another release', { rel: 'canary' }],
] as [string, Partial<TokenWanted>][])('S12.5 %s gets a token of its own', async (_name, wanted) => {
  const { get } = setup()
  expect(await get()).toBe('t1')
  expect(await get(wanted)).toBe('t2')
})
test.each([['a write', write], ['a single-use operation', once]])('S12.5 %s always exchanges', async (_name, operation) => {
  const { get } = setup()
  expect([await get({ operation }), await get({ operation })]).toEqual(['t1', 't2'])
})
test('S1.5 a kept token is not used in its last seconds', async () => {
  const { clock, get } = setup(60)
  await get()
  clock.at = 54_999
  expect(await get()).toBe('t1')
  clock.at = 55_001
  expect(await get()).toBe('t2')
})
test('the cache is bounded', async () => {
  const { forms, get } = setup()
  for (const callee of ['a', 'b', 'c', 'd']) await get({ callee })
  await get({ callee: 'd' })
  expect(forms).toHaveLength(4)
  await get({ callee: 'a' })
  expect(forms).toHaveLength(5)
})
