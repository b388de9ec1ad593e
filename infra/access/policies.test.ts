import { readFileSync } from 'node:fs'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import { describe, expect, test } from 'vitest'
import type { ServicePolicy } from './config.ts'
import { loadPolicies, type Principal, type Question } from './decide.ts'

const user = (...ids: string[]) => ids.map((id) => ({ id, subjects: ['user' as const] }))

/** The shop's own policies over the shop's own operations. */
const shop = ['catalog', 'order', 'shipping', 'billing'].map((service): ServicePolicy => {
  const folder = new URL(`../../services/${service}/`, import.meta.url)
  const operations = [...loadApi(readOpenApi(new URL('openapi.yaml', folder))).operations.values()].map(({ id, subjects }) => ({ id, subjects }))
  return { service, operations, cedar: readFileSync(new URL('policy.cedar', folder), 'utf8') }
})
const policies = loadPolicies(shop)
const people: Record<string, Principal> = {
  alice: { type: 'User', id: 'alice', role: 'customer' },
  lumen: { type: 'User', id: 'lumen', role: 'seller', seller: 'lumen-works' },
  staff: { type: 'User', id: 'sam', role: 'staff' },
  guest: { type: 'Guest', id: 'guest:1' },
  order: { type: 'Workload', id: 'order' },
  edge: { type: 'Workload', id: 'edge' },
}
const may = (who: string, action: string, resource?: { type: string; owner?: string; seller?: string }) => {
  const [service, operation] = action.split('.') as [string, string]
  return policies.decide({ principal: people[who]!, service, operation, resource: resource ? { id: 'r1', ...resource } : { type: 'Service', id: service }, caller: 'edge' }).isAllowed
}

describe('S2.1 who may use which operation', () => {
  test.each([
    // operation, who may; everybody else may not
    ['catalog.getProduct', 'alice lumen staff guest'],
    ['catalog.quoteProducts', 'alice lumen staff guest order edge'],
    ['catalog.createProduct', 'lumen'],
    ['catalog.updateProduct', 'lumen'],
    ['catalog.reserveStock', 'order'],
    ['catalog.releaseReservation', 'order'],
    ['order.getCart', 'alice lumen staff guest'],
    ['order.mergeCart', 'alice lumen staff'],
    ['order.placeOrder', 'alice'],
    ['order.listOrders', 'alice lumen staff'],
    ['order.cancelOrder', 'alice staff'],
    ['shipping.createShipment', 'order'],
    ['shipping.findByOrder', 'alice lumen staff'],
    ['billing.authorizePayment', 'order'],
    ['billing.cancelPayment', 'order'],
    ['billing.receiveProviderEvent', 'edge'],
    ['billing.findByOrder', 'alice lumen staff'],
    ['order.unknownOperation', ''],
    ['nowhere.getCart', ''],
  ])('%s', (action, allowed) => {
    expect(Object.keys(people).filter((who) => may(who, action)).join(' ')).toBe(allowed)
  })
})

test('S2.1 every operation is somebody\'s', () => {
  const nobodys = shop.flatMap(({ service, operations }) => operations.map(({ id }) => `${service}.${id}`)).filter((action) => !Object.keys(people).some((who) => may(who, action)))
  expect(nobodys).toEqual([])
})

describe('S2.3 who may touch which thing', () => {
  test.each([
    ['lumen', 'catalog.updateProduct', { type: 'Product', seller: 'lumen-works' }, true],
    ['lumen', 'catalog.updateProduct', { type: 'Product', seller: 'other-works' }, false],
    ['lumen', 'catalog.updateProduct', { type: 'Product' }, false],
    ['alice', 'catalog.updateProduct', { type: 'Product', seller: 'lumen-works' }, false],
    ['staff', 'catalog.updateProduct', { type: 'Product', seller: 'lumen-works' }, false],
    ['alice', 'order.cancelOrder', { type: 'Order', owner: 'alice' }, true],
    ['alice', 'order.cancelOrder', { type: 'Order', owner: 'bob' }, false],
    ['alice', 'order.cancelOrder', { type: 'Order' }, false],
    ['staff', 'order.cancelOrder', { type: 'Order', owner: 'alice' }, true],
    ['guest', 'order.cancelOrder', { type: 'Order', owner: 'guest:1' }, false],
    ['alice', 'shipping.findByOrder', { type: 'Shipment', owner: 'bob' }, false],
    ['alice', 'billing.findByOrder', { type: 'Invoice', owner: 'alice' }, true],
    ['staff', 'billing.findByOrder', { type: 'Invoice', owner: 'alice' }, true],
    ['alice', 'billing.findByOrder', { type: 'Order', owner: 'alice' }, false],
  ] as const)('%s %s %o: %s', (who, action, resource, expected) => {
    expect(may(who, action, resource)).toBe(expected)
  })
})

describe('unusable policies are named and stop the start', () => {
  const rule = (body: string) => [{ service: 'toy', operations: user('see'), cedar: body }]
  test.each([
    ['does not parse', 'permit (principal', /toy\/policy\.cedar: /],
    ['no id', 'permit (principal, action, resource is Service);', /@id/],
    ['id twice', '@id("a") permit (principal, action, resource is Service);\n@id("a") permit (principal, action, resource is Service);', /@id/],
    ['unknown action', '@id("a") permit (principal, action == Action::"toy.sea", resource is Service);', /rule a: .*toy\.sea/],
    ['unknown role', '@id("a") permit (principal is User, action, resource is Service) when { principal.role == Role::"sellre" };', /rule a: .*sellre/],
    ['unknown attribute', '@id("a") permit (principal is User, action, resource is Service) when { principal.rank == "x" };', /rule a: .*rank/],
    ['attribute that may be absent', '@id("a") permit (principal is User, action, resource is Thing) when { resource.seller == "x" };', /rule a: .*seller/],
    ['never applies', '@id("a") permit (principal is Guest, action == Action::"toy.see", resource is Service);', /rule a: /],
  ])('%s', (_what, body, message) => {
    expect(() => loadPolicies(rule(body))).toThrow(message)
  })
  test('a forbid that errs denies, although a permit matches', () => {
    const strict = loadPolicies(rule('@id("all") permit (principal, action, resource);\n@id("overflow") forbid (principal is User, action, resource) when { 9223372036854775807 + 1 == 0 };'))
    const decision = strict.decide({ principal: people['alice']!, service: 'toy', operation: 'see', resource: { type: 'Service', id: 'toy' }, caller: 'edge' })
    expect(decision).toMatchObject({ isAllowed: false, error: expect.stringContaining('overflow') })
  })
})

describe('S2.2 what is remembered is what would be said', () => {
  const operations = shop.flatMap(({ service, operations }) => operations.map(({ id }) => [service, id] as const))
  const strangers: Principal[] = [...Object.values(people), { type: 'User', id: 'bob', role: 'customer' }, { type: 'User', id: 'eve', role: 'seller' }, { type: 'Guest', id: 'guest:2' }, { type: 'Workload', id: 'billing' }]
  const questions = operations.flatMap(([service, operation]) => strangers.flatMap((principal) => ['edge', 'order', 'billing'].map((caller): Question => ({ principal, service, operation, resource: { type: 'Service', id: service }, caller }))))

  test('to everybody about every operation, in whatever order', () => {
    const fresh = loadPolicies(shop)
    const backwards = questions.toReversed().map((question) => fresh.decide(question)).reverse()
    const forwards = loadPolicies(shop)
    expect(questions.map((question) => forwards.decide(question))).toEqual(backwards)
    expect(questions.map((question) => forwards.decide(question))).toEqual(backwards)
  })

  const toy = (rule: string) => {
    const { decide } = loadPolicies([{ service: 'toy', operations: [{ id: 'look', subjects: ['user', 'guest', 'service'] }], cedar: rule }])
    return (principal: Principal, resource: Question['resource'] = { type: 'Service', id: 'toy' }) => decide({ principal, service: 'toy', operation: 'look', resource, caller: 'edge' }).isAllowed
  }
  test.each([
    ['in its head', '@id("a") permit (principal == Guest::"guest:1", action, resource is Service);'],
    ['in a condition', '@id("a") permit (principal is Guest, action, resource is Service) when { principal == Guest::"guest:1" };'],
    ['in a set', '@id("a") permit (principal is Guest, action, resource is Service) when { [Guest::"guest:1"].contains(principal) };'],
    ['to forbid', '@id("a") permit (principal is Guest, action, resource is Service); @id("b") forbid (principal == Guest::"guest:2", action, resource is Service);'],
  ])('where a rule names somebody %s, nobody else is taken for them', (_where, rule) => {
    const isAllowed = toy(rule)
    for (let i = 0; i < 2; i++) expect(['1', '2', '1'].map((id) => isAllowed({ type: 'Guest', id: `guest:${id}` }))).toEqual([true, false, true])
  })
  test('role and seller count', () => {
    const isAllowed = toy('@id("a") permit (principal is User, action, resource is Service) when { principal.role == Role::"seller" && principal has seller && principal.seller == "s1" };')
    const user = (role: 'seller' | 'staff', seller?: string): Principal => ({ type: 'User', id: 'u', role, ...(seller && { seller }) })
    expect([user('seller', 's1'), user('seller', 's2'), user('staff', 's1'), user('seller'), user('seller', 's1')].map((who) => isAllowed(who))).toEqual([true, false, false, false, true])
  })
  test('a thing of its own is judged each time', () => {
    const isAllowed = toy('@id("a") permit (principal is User, action, resource is Order) when { resource has owner && resource.owner == principal };')
    expect(['alice', 'bob', 'alice'].map((owner) => isAllowed(people['alice']!, { type: 'Order', id: 'o', owner }))).toEqual([true, false, true])
  })
  test('a question that errs is denied each time', () => {
    const { decide } = loadPolicies(shop)
    const odd: Question = { principal: people['guest']!, service: 'order', operation: 'placeOrder', resource: { type: 'Service', id: 'order' }, caller: 'edge' }
    for (let i = 0; i < 2; i++) expect(decide(odd)).toMatchObject({ isAllowed: false, error: expect.any(String) })
  })
})
