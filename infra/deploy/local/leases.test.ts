import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Grant } from '../backing/grants.ts'
import { createGrants } from './lab.ts'
import { createLeases } from './leases.ts'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers(); vi.unstubAllEnvs() })

/** Grants over stores that only say what they are held to. */
function lab(fails: () => boolean = () => false) {
  const held: Record<string, Grant[]> = {}
  const leases = createLeases(() => {})
  const grants = createGrants(['order', 'shipping'], ['order', 'billing'], leases, async (store, standing) => {
    if (fails()) throw new Error('the store is away')
    held[store] = standing.filter((one) => one.store === store)
  })
  return { held, leases, grants }
}
const read = { store: 'database', to: 'order', on: 'billing' } as const
const free = (to: string) => ({ store: 'broker', to }) as const
const terms = { leftOut: 'a-control', strategies: ['A6'] }

test('a grant is listed as its control with its end, and taken back by name', async () => {
  const { held, leases, grants } = lab()
  await grants.set({ ...read, ...terms, seconds: 60 })
  expect(held).toEqual({ database: [read] })
  expect(leases.off()).toEqual([{ control: 'a-control', strategies: ['A6'], until: new Date(Date.now() + 60_000).toISOString() }])
  await grants.back({ ...read, leftOut: 'another' })
  expect(held['database']).toHaveLength(1)
  await grants.back({ ...read, leftOut: 'a-control' })
  expect([held['database'], leases.off()]).toEqual([[], []])
})

test('a lease ends by itself, also when the store was away at that moment', async () => {
  let isAway = false
  const { held, leases, grants } = lab(() => isAway)
  await grants.set({ ...read, ...terms, seconds: 60 })
  isAway = true
  await vi.advanceTimersByTimeAsync(61_000)
  expect(leases.off()).toHaveLength(1)
  isAway = false
  await vi.advanceTimersByTimeAsync(10_000)
  expect([held['database'], leases.off()]).toEqual([[], []])
})

test('what is taken back leaves the other grants of its store', async () => {
  const { held, grants } = lab()
  await Promise.all([grants.set({ ...free('order'), ...terms }), grants.set({ ...free('shipping'), leftOut: 'other' })])
  expect(held['broker']).toEqual([free('order'), free('shipping')])
  await grants.back(free('order'))
  expect(held['broker']).toEqual([free('shipping')])
})

test('a grant that could not be made is none', async () => {
  let isAway = true
  const { held, leases, grants } = lab(() => isAway)
  await expect(grants.set({ ...free('order'), ...terms })).rejects.toThrow('away')
  expect(leases.off()).toEqual([])
  isAway = false
  await grants.set({ ...free('shipping'), ...terms })
  expect(held['broker']).toEqual([free('shipping')])
})

test.each<[string, object]>([
  ['a key that is none', { store: 'gossip', to: 'anyone', key: 'short' }], ['an unknown store', { store: 'disk', to: 'order' }], ['an unknown user', free('mallory')], ['an unknown database', { ...read, on: 'postgres' }],
  ['its own database', { ...read, on: 'order' }], ['a registry grant without rules', { store: 'registry', to: 'edge' }], ['a lease of three hours', { ...read, seconds: 10_801 }],
])('refused: %s', async (_, wrong) => {
  const { held, grants } = lab()
  await expect(grants.set({ ...terms, ...wrong } as never)).rejects.toThrow()
  expect(held).toEqual({})
})

test('T7 refused in production', async () => {
  vi.stubEnv('NODE_ENV', 'production')
  const { held, grants } = lab()
  await expect(grants.set({ ...read, ...terms })).rejects.toThrow('refused in production')
  expect(held).toEqual({})
})
