/** The process itself: PostgreSQL over TLS with the data certificate, a door certificate from pki, plain `node main.ts`. */
import { join } from 'node:path'
import { softhsm, startPart, type Child } from '@shop/chassis/test-part.ts'
import { startTlsDatabase } from '@shop/identity/test-tls-database.ts'
import { startControlPlane, type ControlPlane } from '@shop/pki/test-control-plane.ts'
import { Agent } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'

const PORT = 24_042
const KEY = 'k'.repeat(40)
let plane: ControlPlane
let database: Awaited<ReturnType<typeof startTlsDatabase>>
let psp: Child
let roots: Record<string, string>

beforeAll(async () => {
  if (!softhsm) return
  plane = await startControlPlane({ port: 24_040 })
  database = await startTlsDatabase(plane, 'psp', join(import.meta.dirname, 'migrations'), 24_041)
  roots = (await plane.admin('GET', '/roots')).body
  psp = await start()
})
afterAll(async () => {
  await psp?.stop()
  await database?.stop()
  await plane?.stop()
})

async function start(config: Record<string, unknown> = {}): Promise<Child> {
  const door = (await plane.admin('POST', '/issue', { kind: 'door', name: 'psp', ipAddresses: ['127.0.0.1'] })).body
  return startPart('psp', {
    ...(await plane.launch('psp', ['data'])), secrets: { doorKey: door.key, merchantKey: KEY, webhookSecret: 'w'.repeat(40) },
    config: { port: PORT, certificate: door.certificate, database: database.database, webhookUrl: 'https://localhost:24043/api/payment-events', webhookRoots: roots['doors'], frameAncestors: ['https://localhost:24044'], ...config },
  })
}

test('pays through the real process, verified by the doors\' root; no number and no key in its log', async () => {
  const agent = new Agent({ connect: { ca: roots['doors'] } })
  const origin = `https://127.0.0.1:${PORT}`
  const send = async (path: string, body: unknown, headers: Record<string, string>) => {
    const res = await agent.request({ origin, path, method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
    return { status: res.statusCode, body: await res.body.json() as any }
  }
  const { body: { token } } = await send('/tokens', { kind: 'card', number: '4242424242424242', expiry: '12/40', cvc: '737' }, { origin })
  const paid = await send('/v1/payments', { amountMinor: 100, currency: 'EUR', token, reference: 'order-1' }, { authorization: `Bearer ${KEY}`, 'idempotency-key': 'order-1:authorize' })
  expect(paid).toMatchObject({ status: 201, body: { status: 'authorized' } })
  await agent.close()
  await psp.stop()
  expect(JSON.stringify(psp.log())).not.toMatch(/4242424242424242|737|kkkk|wwww|tok_/)
  psp = await start()
})

test('an unusable configuration is named, and the process does not start', async () => {
  await expect(start({ frameAncestors: ['https://localhost:1/path'] })).rejects.toThrow(/ended with 78[\s\S]*an origin/)
})
