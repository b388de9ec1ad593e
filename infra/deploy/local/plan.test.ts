import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Service } from '@shop/chassis/service.ts'
import { system } from '../system.ts'
import { BLOCK, LIFETIMES, parseInstances, parseLifetimes, planProcesses } from './plan.ts'

const counts = fc.record(Object.fromEntries(system.services.map(({ name }) => [name, fc.integer({ min: 1, max: 6 })])))

describe('the plan', () => {
  test('gives no port, no user id and no name twice, all within the block, for any instance counts', () => {
    fc.assert(fc.property(counts, fc.integer({ min: 1024, max: 60_000 }), (instances, base) => {
      const plan = planProcesses(system, base, instances)
      const ports = [...plan.processes.flatMap((one) => Object.values(one.ports)), plan.dnsPort]
      expect(new Set(ports).size).toBe(ports.length)
      for (const values of [ports, plan.processes.map(({ uid }) => uid)]) {
        expect(new Set(values).size).toBe(values.length)
        expect(Math.min(...values)).toBeGreaterThanOrEqual(base)
        expect(Math.max(...values)).toBeLessThan(base + BLOCK)
      }
      expect(new Set(plan.processes.map(({ name }) => name)).size).toBe(plan.processes.length)
    }), { numRuns: 50 })
  })

  test('user ids of two checkouts never meet', () => {
    const ids = [20_000, 20_000 + BLOCK].flatMap((base) => planProcesses(system, base).processes.map(({ uid }) => uid))
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('the storefront has the first port, whatever the instance counts', () => {
    for (const order of [1, 5]) expect(planProcesses(system, 22_000, { order }).processes.find(({ name }) => name === 'edge')?.ports).toEqual({ web: 22_000, mobile: 22_001, partner: 22_002 })
  })

  test('an instance is a service with a data certificate and a gateway with a mesh certificate (S2.6)', () => {
    const order = planProcesses(system, 22_000, { order: 2 }).processes.filter(({ workload }) => workload === 'order')
    expect(order.map(({ name, kind, certificates, entry }) => ({ name, kind, certificates, entry }))).toEqual([1, 2].flatMap((n) => [
      { name: `order-${n}`, kind: 'service', certificates: ['data'], entry: 'services/order/main.ts' },
      { name: `order-${n}-gateway`, kind: 'micro-gateway', certificates: ['mesh'], entry: 'gateway/micro/main.ts' },
    ]))
  })

  test('a service added to the model is planned without another line', () => {
    const toy: Service = { name: 'toy', publishes: [], subscribes: [], callers: {}, limits: { memoryMb: 64, cpu: 0.1 } }
    const names = planProcesses({ ...system, services: [...system.services, toy] }, 22_000).processes.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['toy-1', 'toy-1-gateway']))
  })

  test('refuses a service it does not know and more instances than the block holds', () => {
    expect(() => planProcesses(system, 22_000, { nothing: 2 })).toThrow("there is no service 'nothing'")
    expect(() => planProcesses(system, 22_000, { order: 29, catalog: 29 })).toThrow('ask for fewer')
  })
})

test.each([['order=3', { order: 3 }], ['order=3,catalog=2', { order: 3, catalog: 2 }], ['', {}]])('instances %j', (text, expected) => expect(parseInstances(text)).toEqual(expected))
test.each(['order', 'order=0', 'order=-1', 'order=1.5', 'order=30', 'Order=1', '=2'])('refuses instances %j by name', (text) => expect(() => parseInstances(text)).toThrow(`'${text}'`))

test('lifetimes can be shortened, never lengthened', () => {
  expect(parseLifetimes('mesh=20,keys=30')).toEqual({ ...LIFETIMES, mesh: 20, keys: 30 })
  for (const text of ['mesh=7200', 'mesh=1', 'mesh', 'tokens=20', 'mesh=-20']) expect(() => parseLifetimes(text)).toThrow(`'${text}'`)
})
