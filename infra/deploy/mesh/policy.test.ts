import { expect, test } from 'vitest'
import { system, type System } from '../system.ts'
import { checkModel, exchangeServices, meshPolicyFor, producersFor, readableBy } from './policy.ts'

const fixed = { access: 'https://127.0.0.1:1', monitor: 'https://127.0.0.1:2', psp: 'https://127.0.0.1:3' }
const changed = (name: string, change: object): System => ({ ...system, services: system.services.map((s) => (s.name === name ? { ...s, ...change } : s)) })

test('the shop\'s own model is sound', () => expect(checkModel(system)).toEqual([]))

test.each<[string, System, RegExp]>([
  ['an unknown caller', changed('billing', { callers: { warehouse: ['findByOrder'] } }), /billing names an unknown caller 'warehouse'; known are catalog, order/],
  ['an unknown operation', changed('billing', { callers: { edge: ['giveMoney'] } }), /billing lets edge call 'giveMoney'/],
  ['a topic that nobody publishes', changed('order', { subscribes: ['moon.risen'] }), /order subscribes to 'moon.risen', which nobody publishes/],
  ['a topic of another', changed('catalog', { publishes: ['order.paid'] }), /topic 'order.paid' is published by order and catalog; one may/],
  ['an unknown party outside', changed('billing', { external: ['bank'] }), /unknown external party 'bank'/],
  ['a name twice', { ...system, components: [...system.components, { ...system.components[0]!, name: 'order' }] }, /'order' stands twice/],
  ['a name that is none', { ...system, components: [...system.components, { ...system.components[0]!, name: 'Big Shop' }] }, /'Big Shop' is no name/],
])('S13.1 a model with %s is refused by name', (_what, model, wrong) => expect(checkModel(model).join('\n')).toMatch(wrong))

test('S13.2 what service.ts does not name is not in a policy', () => {
  const { inbound, outbound } = meshPolicyFor(system, 'shipping', fixed)
  expect(inbound.callers).toEqual({ edge: ['findByOrder'], order: ['createShipment', 'cancelShipment'] })
  expect(Object.keys(outbound)).toEqual(['access', 'monitor'])
  expect(meshPolicyFor(system, 'edge', fixed).outbound['billing']?.operations).toEqual(['findByOrder', 'receiveProviderEvent'])
  expect(meshPolicyFor(system, 'billing', fixed).outbound['psp']).toMatchObject({ kind: 'external', url: fixed.psp })
  expect(meshPolicyFor(system, 'order', fixed).outbound).not.toHaveProperty('psp')
})

test('a policy\'s version changes with what it allows, and only then', () => {
  const version = (model: System) => meshPolicyFor(model, 'billing', fixed).version
  expect(version(system)).toBe(version(changed('billing', {})))
  expect(version(changed('billing', { callers: {} }))).not.toBe(version(system))
})

test('registry rights, producers and exchange follow from the same lines', () => {
  expect(readableBy(system, 'order')).toEqual(['catalog', 'shipping', 'billing'])
  expect(readableBy(system, 'shipping')).toEqual([])
  expect(producersFor(system, 'shipping')).toEqual({ 'order.paid': 'order', 'order.cancelled': 'order' })
  expect(exchangeServices(system)['billing']?.operations.filter((o) => o.isSingleUse).map((o) => o.id)).toEqual(['authorizePayment', 'capturePayment', 'cancelPayment'])
})
