/** Nobody notices that certificates and signing keys live for seconds and are renewed (S1.5, S4.3): a system of its own under reads and orders. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const LIFETIMES = { mesh: 20, data: 30, backing: 40, keys: 30 }
const SECONDS = 60
const start = join(import.meta.dirname, '../../infra/deploy/start.mjs')
const above = process.env['SHOP_ENDPOINTS'] ? dirname(process.env['SHOP_ENDPOINTS']) : process.env['SHOP_DIR'] ?? join(import.meta.dirname, '../../.shop')
const shopDir = join(above, 'renewal')
const { SHOP_PORT: _, ...env } = process.env
const command = (name: string) => execFileSync(process.execPath, [start, name], { env: { ...env, SHOP_DIR: shopDir, SHOP_LIFETIMES: Object.entries(LIFETIMES).map((pair) => pair.join('=')).join() }, encoding: 'utf8', maxBuffer: 1e7 })

beforeAll(() => {
  mkdirSync(shopDir, { recursive: true })
  command('reset')
  command('up')
  process.env['SHOP_ENDPOINTS'] = join(shopDir, 'endpoints.json')
}, 180_000)
afterAll(() => { command('down') }, 60_000)

test(`S1.5 S4.3 no request fails in ${SECONDS} s while everything is renewed`, async () => {
  const { buy, endpoints, eventually, settled, Visitor } = await import('../shop.ts')
  const { readers } = await import('./readers.ts')
  const { newProduct } = await import('./seller.ts')
  const { allHealthy } = await import('./processes.ts')
  const productId = await newProduct(50_000)
  const alice = await new Visitor().signIn('alice')
  const bob = await new Visitor().signIn('bob')
  const first = await buy(alice, { productIds: [productId] })
  expect(first.status).toBe(201)
  const reading = await readers(4, { productId, orderId: first.json.id })
  const until = Date.now() + SECONDS * 1_000
  const orders: string[] = []
  const failed: string[] = []
  for (let i = 0; Date.now() < until; i++) {
    const at = new Date().toISOString()
    const placed = await buy(bob, { productIds: [productId], delivery: i % 2 ? 'express' : 'standard' }).catch((error: Error) => ({ status: 0, text: String(error.cause ?? error), json: undefined }))
    if (placed.status === 201) orders.push(placed.json.id)
    else failed.push(`${at} order: ${placed.status} ${placed.text.slice(0, 300)}`)
  }
  const { answers, errors } = await reading.stop(500)
  console.log(`${answers} reads, ${orders.length} orders`)
  expect([...failed, ...errors]).toEqual([])
  for (const id of orders) expect((await settled(bob, id)).order.status).toBe('completed')

  const logOf = (name: string) => readFileSync(endpoints.processes.find((one) => one.name === name)!.log, 'utf8')
  const times = (name: string, what: RegExp) => logOf(name).match(what)?.length ?? 0
  for (const { name, spiffeId } of endpoints.processes)
    if (spiffeId) expect([name, times(name, /"msg":"certificate renewed"/g) >= 2]).toEqual([name, true])
  await eventually('new signing keys', async () => times('exchange', /"msg":"signing keys changed"/g) >= 3 && times('identity', /"msg":"signing keys changed"/g) >= 2)
  // Who speaks to Consul has that certificate in its launch document, and is started anew with it: nobody may notice that either.
  expect((await allHealthy()).filter(({ name, restarts }) => restarts > 0 && !['registry', 'registrar'].includes(name)).map(({ name }) => name)).toEqual([])
  await Promise.all([alice.close(), bob.close()])
}, 180_000)
