import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createInventory } from './inventory.ts'
import { createLabInstances } from './lab-instances.ts'

const own = { id: 'order-1', service: 'order', instance: 1, version: '1', host: '127.0.0.1', port: 9_000 }
const there = { service: 'order', host: '127.3.2.1', port: 9_001 }
const deployed = async (inventory: ReturnType<typeof createInventory>) => (await inventory.get()).instances.map(({ id }) => id)
beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

test('S3.6 an instance of the lab stands beside the true ones, and goes when told or by itself', async () => {
  const inventory = createInventory()
  const lab = createLabInstances(inventory, [own])
  const [first, second] = [lab.set(there), lab.set({ ...there, seconds: 5 })]
  expect(await deployed(inventory)).toEqual(['order-1', first.id, second.id])
  expect(lab.list()).toEqual([[first.id, 60], [second.id, 5]].map(([id, seconds]) => ({ id, address: '127.3.2.1:9001', until: new Date(Date.now() + Number(seconds) * 1_000).toISOString() })))
  lab.back(first)
  expect(await deployed(inventory)).toEqual(['order-1', second.id])
  vi.advanceTimersByTime(5_000)
  expect(await deployed(inventory)).toEqual(['order-1'])
})

test('all of them go at once when none is named', async () => {
  const inventory = createInventory()
  const lab = createLabInstances(inventory, [own])
  lab.set(there)
  lab.set(there)
  lab.back({})
  expect([await deployed(inventory), lab.list()]).toEqual([['order-1'], []])
})

test.each([['no service', { ...there, service: 'nobody' }], ['another machine', { ...there, host: '10.0.0.1' }], ['no port', { ...there, port: 0 }], ['for ever', { ...there, seconds: 1e9 }]])('not %s', (_name, wanted) => {
  const inventory = createInventory()
  expect(() => createLabInstances(inventory, [own]).set(wanted)).toThrow()
})
