/** Each control stops its attack, and it alone: the same bytes pass when that one control is left out of the list. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Control } from '../pipeline.ts'
import { createTestSystem, id, signToken } from './test-system.ts'
import { generateKeyPairSync } from 'node:crypto'

const ORDER = '7b0c7a52-5f3e-4b7e-9d5a-0d1a5a3c9f10'
const invoice = `/orders/${ORDER}/invoice`
const note = `/orders/${ORDER}/note`
let system: Awaited<ReturnType<typeof createTestSystem>>
let on: Awaited<ReturnType<typeof system.start>>
let port = 26_010

const callers = { order: ['authorizePayment', 'findByOrder', 'addNote'] }
beforeAll(async () => {
  system = await createTestSystem()
  on = await system.start('billing', { port: port++, callers })
})
afterAll(() => system.close())

type Claims = { claims?: object; scope?: string; audience?: string; bound?: string }
const token = async ({ claims = {}, scope = 'findByOrder', audience = 'billing', bound = 'order' }: Claims = {}) => system.narrow({ audience, scope, caller: 'order', thumbprint: await system.thumbprint(bound), claims })
const get = (bearer: string) => ({ method: 'GET', path: invoice, headers: { authorization: `Bearer ${bearer}` } })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

const attacks: [control: string, attack: (port: number) => Promise<{ status: number }>][] = [
  ['framing', async (p) => system.direct('order', p, { ...get(await token()), headers: { authorization: `Bearer ${await token()}`, trailer: 'x' } })],
  ['verify-peer', async (p) => {
    const stranger = await system.mesh.identity('order', { uri: 'spiffe://elsewhere.test/mesh/order' })
    const bearer = system.narrow({ audience: 'billing', scope: 'findByOrder', caller: 'order', thumbprint: stranger.mesh().thumbprint })
    return system.direct(stranger, p, get(bearer))
  }],
  ['pair-policy', async (p) => {
    const bearer = system.narrow({ audience: 'billing', scope: 'findByOrder', caller: 'shipping', thumbprint: await system.thumbprint('shipping') })
    return system.direct('shipping', p, get(bearer))
  }],
  ['verify-token', async (p) => {
    const now = Math.floor(Date.now() / 1000)
    return system.direct('order', p, get(signToken({ iss: 'https://exchange.shop.test', aud: id('billing'), scope: 'findByOrder', act: { sub: id('order') }, cnf: { 'x5t#S256': await system.thumbprint('order') }, iat: now, exp: now + 60 }, {}, other)))
  }],
  ['check-audience', async (p) => system.direct('order', p, get(await token({ audience: 'shipping' })))],
  ['check-scope', async (p) => system.direct('order', p, get(await token({ scope: 'authorizePayment' })))],
  ['check-binding', async (p) => system.direct('order', p, get(await token({ bound: 'shipping' })))],
  ['check-chain', async (p) => system.direct('order', p, get(await token({ claims: { act: { sub: id('order'), act: { sub: id('billing') } } } })))],
  ['single-use', async (p) => {
    const pay = { method: 'PUT', path: `/payments/${ORDER}`, headers: { authorization: `Bearer ${await token({ scope: 'authorizePayment' })}`, 'content-type': 'application/json', 'idempotency-key': 'k' }, body: '{"amountMinor":1}' }
    await system.direct('order', p, pay)
    return system.direct('order', p, pay)
  }],
  ['request-schema', async (p) => system.direct('order', p, { method: 'POST', path: note, headers: { authorization: `Bearer ${await token({ scope: 'addNote' })}`, 'content-type': 'application/json' }, body: '{"a":1,"a":2}' })],
  ['response-schema', async (p) => {
    const answer = await system.direct('order', p, get(await token()))
    return { status: answer.text.includes('4111') ? 200 : answer.status === 200 ? 599 : answer.status }
  }],
]

test.each(attacks)('%s stops its attack; without it the same bytes pass', async (name, attack) => {
  let seen = 0
  const without = (controls: Control<any>[]) => {
    const rest = controls.filter((c) => c.name !== name)
    expect(rest).toHaveLength(controls.length - 1)
    return rest
  }
  const off = await system.start('billing', { port: port++, callers, composition: { inbound: without } })
  for (const one of [on, off])
    one.app.handler = (call, res) => {
      seen++
      if (name === 'response-schema') res.writeHead(200, { 'content-type': 'application/json' }).end('{"number":"1","card":"4111"}')
      else if (call.path === note) res.writeHead(204).end()
      else res.writeHead(200, { 'content-type': 'application/json' }).end(call.method === 'PUT' ? '{"status":"ok"}' : '{"number":"1"}')
    }
  expect((await attack(on.port)).status).toBeGreaterThanOrEqual(400)
  if (name !== 'single-use' && name !== 'response-schema') expect(seen).toBe(0)
  expect((await attack(off.port)).status).toBeLessThan(300)
})
