/** kill -9 at random moments under one stream of orders (A6-a): whatever dies, orders end whole or undone, and money is conserved. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { endpoints, eventually } from '../shop.ts'
import { deadLetters, findFaults, openBooks } from './books.ts'
import { chance, seedOf, type Chance } from './chance.ts'
import { customer, type Met } from './customers.ts'
import { forgeries } from './forgeries.ts'
import { allHealthy, back, processes, signal, type Running } from './processes.ts'
import { newProduct } from './seller.ts'

const isLong = process.env['SHOP_FAULTS'] === 'long'
const KILLS = isLong ? 100 : 12
const STOCK = 50_000
/** More deaths of one process within a minute look to its supervisor like a process that cannot live. */
const MOST_DEATHS = 3

/** What a kill may hit: each of these at least once, the rest as their weights say. */
const KINDS: Record<string, { weight: number; names: (all: Running[]) => string[] }> = {
  service: { weight: 5, names: (all) => all.filter(({ kind }) => kind === 'service').map(({ name }) => name) },
  'micro-gateway': { weight: 4, names: (all) => all.filter(({ kind }) => kind === 'micro-gateway').map(({ name }) => name) },
  consul: { weight: 1, names: (all) => all.map(({ name }) => name).filter((name) => name.startsWith('consul-')) },
  ...Object.fromEntries(Object.entries({ postgres: 2, rabbitmq: 2, edge: 2, identity: 1, exchange: 1 }).map(([name, weight]) => [name, { weight, names: () => [name] }])),
}
const OTHERS: typeof KINDS = Object.fromEntries(['access', 'registrar', 'registry', 'monitor', 'vault', 'pki', 'psp'].map((name) => [name, { weight: 1, names: () => [name] }]))

const { ask, close } = openBooks()
afterAll(close)

/** The order in which kinds are hit: each of KINDS once, filled up by weight, shuffled. */
function deckOf(luck: Chance): string[] {
  const all = { ...KINDS, ...OTHERS }
  const sure = isLong ? Object.keys(all) : Object.keys(KINDS)
  const weights = Object.fromEntries(Object.entries(isLong ? all : { ...KINDS, ...OTHERS, edge: { weight: 0 }, postgres: { weight: 0 }, rabbitmq: { weight: 0 } }).map(([name, { weight }]) => [name, weight]))
  return luck.shuffled([...sure, ...Array.from({ length: KILLS - sure.length }, () => luck.weighted(weights))])
}

test(`A6-a ${KILLS} kills, and every order ends whole or undone`, async () => {
  const seed = seedOf()
  console.log(`SHOP_FAULT_SEED=${seed}`)
  const luck = chance(seed)
  const stock = new Map([[await newProduct(STOCK), STOCK], [await newProduct(STOCK), STOCK]])
  const met: Met = new Map()
  const customers = endpoints.users.filter(({ role }) => role === 'customer').map(({ username }) => customer(username, [...stock.keys()], luck.branch(username), met))
  const lettersBefore = await deadLetters()
  const before = new Map((await allHealthy()).map(({ name, restarts }) => [name, restarts]))
  let isOver = false
  const streams = Promise.all(customers.map((one) => one.goOn(() => isOver)))
  streams.catch(() => { isOver = true })
  await eventually('the first orders', async () => isOver || customers.every(({ accepted }) => accepted.length > 0))

  const count = () => customers.reduce((sum, { accepted }) => sum + accepted.length, 0)
  const killed: { name: string; at: number }[] = []
  const plan = luck.branch('kills')
  const deck = deckOf(plan)
  while (deck.length > 0 && !isOver) {
    const victims: Running[] = []
    for (let left = plan.isLucky(0.25) ? 2 : 1; left > 0 && deck.length > 0; left--) {
      const kind = deck.shift()!
      const isReady = (name: string) => !victims.some((one) => one.name === name) && killed.filter((death) => death.name === name && death.at > Date.now() - 60_000).length < MOST_DEATHS
      const name = plan.shuffled({ ...KINDS, ...OTHERS }[kind]!.names(await processes())).find(isReady)
      const victim = name && await eventually(`a process to kill: ${name}`, () => signal(name, 'SIGKILL'))
      if (victim) {
        victims.push(victim)
        killed.push({ name: victim.name, at: Date.now() })
      } else deck.splice(plan.whole(1, 8), 0, kind) // its turn comes later
    }
    console.log(`${killed.length} killed ${victims.map(({ name }) => name).join(' and ')}, ${count()} orders`)
    if (plan.isLucky(0.25)) await pause(plan.whole(100, 2_500))
    else {
      const seen = count()
      await Promise.all(victims.map((victim) => back(victim)))
      await eventually('orders again', async () => isOver || count() >= seen + customers.length, 30_000)
      await pause(plan.whole(0, 500))
    }
  }
  const healthy = await allHealthy()
  const healthyAt = Date.now()
  isOver = true
  await streams
  const accepted = customers.flatMap((one) => one.accepted)
  console.log(`${accepted.length} orders; met ${[...met].sort((a, b) => b[1] - a[1]).slice(0, 20).map(([what, times]) => `${times}× ${what}`).join('; ')}`)

  const expected = { accepted: accepted.map(({ id }) => id), stock }
  let faults: string[] = []
  await eventually('books in order', async () => (faults = await findFaults(ask, expected)).length === 0, 30_000 - (Date.now() - healthyAt)).catch(() => {})
  console.log(`books in order ${faults.length === 0} after ${(Date.now() - healthyAt) / 1000} s`)
  expect(faults).toEqual([])
  expect(await deadLetters(lettersBefore)).toEqual([])
  for (const [what, forged] of forgeries(ask)) expect([what, (await findFaults(forged, expected)).length > 0]).toEqual([what, true])
  const names = new Set(killed.map(({ name }) => name))
  expect(healthy.filter(({ name, restarts }) => !names.has(name) && restarts !== before.get(name)).map(({ name }) => `${name} died by itself`)).toEqual([])
  expect(killed).toHaveLength(KILLS)
  for (const one of customers) await one.close()
}, isLong ? 3_600_000 : 240_000)
