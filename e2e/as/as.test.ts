import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { purchase } from '../attacks/purchase.ts'
import { endpoints, endpointsFile, Visitor } from '../shop.ts'
import { partnerDoor, webDoor } from './doors.ts'
import { startForwarder } from './forward.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
let alice: Awaited<ReturnType<typeof startForwarder>>, productId: string, orderId: string
beforeAll(async () => {
  const visitor = await new Visitor().signIn('alice')
  orderId = (await purchase(visitor)).json.id
  productId = (await visitor.get('/api/products?pageSize=1')).json.items[0].id
  await visitor.close()
  alice = await startForwarder(await webDoor('alice'))
})
afterAll(() => alice?.close())

/** As a tool would that knows nothing of the shop. */
const ask = (path: string, { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: unknown } = {}) =>
  fetch(`${alice.url}${path}`, { method, redirect: 'manual', headers: { 'as-token': alice.token, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers }, ...(body !== undefined && { body: JSON.stringify(body) }) })
const raw = (headers: Record<string, string>) => new Promise<number>((resolve, reject) => { http.get(alice.url, { headers }, (res) => resolve(res.resume().statusCode!)).on('error', reject) })

test('a request without session, cookie or CSRF token is made by whoever was named', async () => {
  expect((await (await ask('/api/session')).json() as any).user.role).toBe('customer')
  const put = await ask(`/api/cart/lines/${productId}`, { method: 'PUT', body: { quantity: 2 } })
  expect([put.status, ((await put.json()) as any).count]).toEqual([200, 2])
  expect((await ask(`/api/cart/lines/${productId}`, { method: 'DELETE' })).status).toBe(200)
})

test('without the printed token, or by another name, nothing is forwarded', async () => {
  expect((await ask('/api/session', { headers: { 'as-token': '' } })).status).toBe(401)
  expect((await ask('/api/session', { headers: { 'as-token': `${alice.token}x` } })).status).toBe(401)
  expect(await raw({ host: 'evil.example', 'as-token': alice.token })).toBe(421)
  expect(await raw({ 'as-token': alice.token })).toBe(200)
})

test('what a tool says itself is not mended: the door refuses it', async () => {
  const change = (headers: Record<string, string>) => ask(`/api/cart/lines/${productId}`, { method: 'PUT', body: { quantity: 1 }, headers }).then(({ status }) => status)
  expect(await change({ origin: 'https://evil.example' })).toBe(403)
  expect(await change({ 'x-csrf-token': 'x' })).toBe(403)
  expect(await change({ origin: alice.url, 'content-type': 'text/plain' })).toBe(415)
})

test('the session stays here, addresses lead back here, and a session that ended is renewed', async () => {
  const out = await ask('/logout', { method: 'POST' })
  expect([out.status, out.headers.get('set-cookie')]).toEqual([303, null])
  const profile = await ask('/api/profile')
  expect(profile.status).toBe(200)
  const page = await ask('/orders', { headers: { accept: 'text/html' } })
  expect([page.status, page.headers.get('location')]).toEqual([200, null])
})

test('a stream comes as it comes, and ends with the tool', async () => {
  const leaving = new AbortController()
  const stream = await fetch(`${alice.url}/api/orders/${orderId}/events`, { headers: { 'as-token': alice.token }, signal: leaving.signal })
  expect(stream.headers.get('content-type')).toBe('text/event-stream')
  const { value } = await stream.body!.getReader().read()
  expect(new TextDecoder().decode(value)).toMatch(/^event: order\n/)
  leaving.abort()
})

test('a partner is known by certificate and key', async () => {
  const partner = await startForwarder(await partnerDoor(endpoints.partner.clients[0]!.clientId))
  expect((await fetch(`${partner.url}/api/products`, { headers: { 'as-token': partner.token } })).status).toBe(200)
  expect((await fetch(`${partner.url}/api/products`, { headers: { 'as-token': partner.token, 'api-key': 'someone-elses-key-1234' } })).status).toBe(401)
  await partner.close()
})

const run = (args: string[], env: Record<string, string> = {}) => spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', env: { ...process.env, SHOP_ENDPOINTS: endpointsFile, ...env } })
test.each([
  ['production', ['alice'], { NODE_ENV: 'production' }, /refused in production/],
  ['the mobile door', ['alice', '--door', 'mobile'], {}, /takes no users yet/],
  ['an unknown partner', ['nobody', '--door', 'partner'], {}, /There is no partner/],
  ['nobody', [], {}, /npm run as/],
  ['a shop that does not run', ['alice'], { SHOP_ENDPOINTS: '/nowhere/endpoints.json' }, /Nothing runs/],
])('%s is refused with what to do', (_name, args, env, says) => {
  const { status, stderr } = run(args, env)
  expect(status).toBe(1)
  expect(stderr).toMatch(says)
})

test('the command prints a line that works, and Ctrl-C ends it', async () => {
  const child = spawn(process.execPath, [MAIN, 'alice'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, SHOP_ENDPOINTS: endpointsFile } })
  const printed = await new Promise<string>((resolve) => { let text = ''; child.stdout.setEncoding('utf8').on('data', (part: string) => { text += part; if (text.includes('Ctrl-C')) resolve(text) }) })
  const [, header, token, url] = /curl -H '([\w-]+): ([\w-]+)' (\S+)/.exec(printed)!
  expect(((await (await fetch(url!, { headers: { [header!]: token! } })).json()) as any).user.name).toBe('Alice Moreau')
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
})
