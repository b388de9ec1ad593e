import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SecurityEvent } from '../chassis/security-event.ts'
import { serveMesh } from '../chassis/mesh-server.ts'
import { createTestMesh } from '../chassis/test-mesh.ts'
import { testAuthority } from '../deploy/backing/test-authority.ts'
import { consulServers, SERVER_NAME } from './consul-servers.ts'
import { registryGateway } from './gateway.ts'
import { limitCallers } from './limit-callers.ts'
import { readLookup } from './read-lookup.ts'

const token = '0f3c1a5e-0000-4000-8000-000000000001'
const lookup = '/v1/health/service/billing?passing=true'

describe('S3.4 what can be asked', () => {
  const ask = (url: string, method = 'GET', t: string | undefined = token) => readLookup({ method, url, token: t }, ['billing'])
  test('the one question', () => expect(ask(`${lookup}&index=7&wait=99s`)).toEqual({ method: 'GET', path: '/v1/health/service/billing?passing=true&index=7&wait=30s', waitSeconds: 30, token }))
  test.each([
    ['another service', '/v1/health/service/order?passing=true'], ['all services', '/v1/catalog/services'], ['nodes', '/v1/catalog/nodes'], ['members', '/v1/agent/members'],
    ['keys', '/v1/kv/x?recurse'], ['the UI', '/ui/'], ['sick instances too', '/v1/health/service/billing'], ['a filter', `${lookup}&filter=x`], ['a stale read', `${lookup}&stale`],
    ['a token in the query', `${lookup}&token=${token}`], ['a parameter twice', `${lookup}&index=1&index=2`], ['another spelling', '/v1/health/service/billin%67?passing=true'],
    ['a path that climbs', '/v1/health/service/../service/billing?passing=true'], ['a double slash', '//v1/health/service/billing?passing=true'], ['two question marks', `${lookup}?index=1`], ['a long wait in minutes', `${lookup}&wait=10m`],
  ])('not %s', (_name, url) => expect(() => ask(url)).toThrow(expect.objectContaining({ code: 'registry-denied', detection: 'REGISTRY-DENY' })))
  test.each(['PUT', 'POST', 'DELETE', 'HEAD'])('not %s', (method) => expect(() => ask(lookup, method)).toThrow(expect.objectContaining({ status: 403 })))
  test.each([['none', undefined], ['an odd one', 'anonymous']])('not with a token that is %s', (_name, t) => expect(() => readLookup({ method: 'GET', url: lookup, token: t }, ['billing'])).toThrow(expect.objectContaining({ code: 'registry-denied' })))
})

describe('S3.2 how often', () => {
  test('a burst, then so many a second, for each caller alone', () => {
    const admit = limitCallers({ perSecond: 10, burst: 3, waiting: 99 })
    for (let i = 0; i < 3; i++) admit('order', 0)()
    expect(() => admit('order', 0)).toThrow(expect.objectContaining({ code: 'registry-limit', status: 429, detection: 'OVERLOAD' }))
    admit('edge', 0)()
    admit('order', 100)()
    expect(() => admit('order', 100)).toThrow()
  })
  test('so many at once; one that ended twice counts once', () => {
    const admit = limitCallers({ perSecond: 1_000, burst: 1_000, waiting: 2 })
    const first = admit('order', 0)
    admit('order', 0)
    expect(() => admit('order', 0)).toThrow(expect.objectContaining({ status: 429 }))
    first()
    first()
    admit('order', 0)
    expect(() => admit('order', 0)).toThrow()
  })
})

describe('before Consul', () => {
  let mesh: Awaited<ReturnType<typeof createTestMesh>>
  const events: SecurityEvent['data'][] = []
  const closers: (() => unknown)[] = []
  const consul = [0, 1].map(() => ({ seen: [] as string[], waiting: 0, status: 200, port: 0 }))
  let port: number
  beforeAll(async () => {
    mesh = await createTestMesh()
    const authority = await testAuthority('consul')
    const server = await authority.issue('consul-1', [SERVER_NAME])
    const client = await authority.issue('registry')
    for (const one of consul) {
      const s = https.createServer({ ...server, ca: authority.ca, requestCert: true, rejectUnauthorized: true }, async (req, res) => {
        one.seen.push(`${req.url} ${req.headers['x-consul-token']}`)
        if (new URL(req.url!, 'https://c').searchParams.get('index') !== '0') {
          one.waiting++
          await once(res, 'close')
          one.waiting--
          return
        }
        res.writeHead(one.status, { 'x-consul-index': '7', 'content-type': 'application/json' }).end('[]')
      })
      await new Promise<void>((resolve) => s.listen(0, '127.0.0.1', resolve))
      one.port = (s.address() as AddressInfo).port
      closers.push(() => { s.closeAllConnections(); s.close() })
    }
    const own = await mesh.identity('registry')
    const servers = consulServers({ servers: consul.map((c) => ({ host: '127.0.0.1', port: c.port })), ca: authority.ca, certificate: client.cert, key: client.key, connections: 8 })
    const gateway = registryGateway({ trustDomain: 'shop.test', readers: { order: ['billing'] }, admit: limitCallers({ perSecond: 100, burst: 30, waiting: 5 }), servers, log: pino({ level: 'silent' }), report: (d) => events.push(d), now: () => performance.now() })
    port = 26_050
    const served = await serveMesh(gateway, { port, identity: own, report: (d) => events.push(d) })
    closers.push(() => servers.close(), () => served.close())
  })
  afterAll(async () => { for (const close of closers.reverse()) await close() })

  const as = async (workload: string, path: string, { method = 'GET', signal }: { method?: string; signal?: AbortSignal } = {}) => {
    const { key, certificate } = (await mesh.identity(workload)).mesh()
    const pool = new Pool(`https://127.0.0.1:${port}`, { connect: { key, cert: certificate, ca: mesh.roots, checkServerIdentity: () => undefined } })
    try {
      const { statusCode, headers, body } = await pool.request({ method: method as 'GET', path, headers: { 'x-consul-token': token }, signal: signal ?? null })
      return { status: statusCode, index: headers['x-consul-index'], text: await body.text() }
    } finally {
      await pool.destroy()
    }
  }

  test('a lookup goes through with the caller\'s own token', async () => {
    expect(await as('order', lookup)).toEqual({ status: 200, index: '7', text: '[]' })
    expect(consul[0]!.seen.at(-1)).toBe(`/v1/health/service/billing?passing=true&index=0&wait=0s ${token}`)
  })
  test('S3.4 who is not named reads nothing; the refusal is told with source and subject, Consul sees nothing', async () => {
    const before = consul[0]!.seen.length
    expect((await as('shipping', lookup)).status).toBe(403)
    expect((await as('order', '/v1/catalog/register', { method: 'PUT' })).status).toBe(403)
    expect(events.filter((e) => e.detection === 'REGISTRY-DENY').map((e) => [e.subject, e.address])).toEqual([['spiffe://shop.test/mesh/shipping', '127.0.0.1'], ['spiffe://shop.test/mesh/order', '127.0.0.1']])
    expect(consul[0]!.seen.length).toBe(before)
  })
  test('S3.4 a token that Consul does not know is refused as all else is, and told with its bearer', async () => {
    for (const one of consul) one.status = 403
    const { status, text } = await as('order', lookup)
    for (const one of consul) one.status = 200
    expect([status, JSON.parse(text).code]).toEqual([403, 'registry-denied'])
    expect(events.at(-1)).toMatchObject({ detection: 'REGISTRY-DENY', subject: 'spiffe://shop.test/mesh/order', reason: 'Consul refuses the token' })
  })
  test('S3.2 a server without leader is passed over, the next one answers', async () => {
    consul[0]!.status = 500
    expect((await as('order', lookup)).status).toBe(200)
    const before = consul[0]!.seen.length
    expect((await as('order', lookup)).status).toBe(200)
    expect(consul[0]!.seen.length).toBe(before)
    consul[1]!.status = 500
    expect((await as('order', lookup)).status).toBe(503)
    consul[0]!.status = consul[1]!.status = 200
  })
  test('S3.2 blocking lookups held open are limited, and end at Consul when their client leaves', async () => {
    const leaving = new AbortController()
    const held = Array.from({ length: 5 }, () => as('order', `${lookup}&index=9&wait=20s`, { signal: leaving.signal }).catch(() => 'left'))
    const waiting = () => consul[0]!.waiting + consul[1]!.waiting
    await expect.poll(waiting).toBe(5)
    expect((await as('order', lookup)).status).toBe(429)
    expect(events.at(-1)).toMatchObject({ detection: 'OVERLOAD', control: 'registry-limit', strategies: ['S3.2'] })
    leaving.abort()
    await Promise.all(held)
    await expect.poll(waiting).toBe(0)
    await expect.poll(async () => (await as('order', lookup)).status).toBe(200)
  })
})
