/** The registrar and the registry's gateway on three real Consul servers. */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Pool } from 'undici'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serveMesh } from '../chassis/mesh-server.ts'
import type { SecurityEvent } from '../chassis/security-event.ts'
import { createTestMesh, type TestMesh } from '../chassis/test-mesh.ts'
import { meshServerOptions } from '../chassis/tls.ts'
import * as consul from '../deploy/backing/consul.ts'
import { agentPolicy, ensureAcl, readerPolicy, registrarPolicy } from '../deploy/backing/consul-acl.ts'
import { writePrivate } from '../deploy/backing/files.ts'
import { ensureParts } from '../deploy/backing/parts.ts'
import { testAuthority, type Authority } from '../deploy/backing/test-authority.ts'
import { consulServers } from '../registry/consul-servers.ts'
import { registryGateway } from '../registry/gateway.ts'
import { limitCallers } from '../registry/limit-callers.ts'
import { healthChecks } from './check-health.ts'
import { consulRegistry } from './consul-registry.ts'
import type { Instance } from './decide.ts'
import { followInventory } from './inventory.ts'
import { startLoop } from './loop.ts'

const BASE = 26_060
const REGISTRY_PORT = 26_080
const ports = [0, 1, 2].map((i) => ({ https: BASE + i * 3, server: BASE + 1 + i * 3, serf: BASE + 2 + i * 3 }))
const tokens = { registrar: randomUUID(), reader: randomUUID() }
const secrets = { gossip: randomBytes(32).toString('base64'), management: randomUUID(), agent: randomUUID() }
const log = pino({ level: 'silent' })
const events: SecurityEvent['data'][] = []
let root: string
let authority: Authority
let mesh: TestMesh
const children = new Map<string, ChildProcess>()
const closers: (() => unknown)[] = []
let parts: Awaited<ReturnType<typeof ensureParts>>
const clients = () => authority.issue('test')

async function startServer(index: number): Promise<void> {
  const dir = join(root, `consul-${index + 1}`)
  const files = { certificate: join(dir, 'tls.pem'), key: join(dir, 'tls.key'), roots: join(dir, 'roots.pem') }
  const uid = process.getuid?.() === 0 ? 26_060 : undefined
  const owner = uid ? { uid, gid: uid } : undefined
  await consul.prepare(dir, consul.config(index, ports, join(dir, 'data'), files, secrets, parts.consul.version), owner)
  const leaf = await authority.issue(`consul-${index + 1}`, [consul.SERVER_NAME, 'localhost'])
  for (const [path, text] of [[files.certificate, leaf.cert], [files.key, leaf.key], [files.roots, authority.ca]] as const) await writePrivate(path, text, owner)
  const { command, args, env, cwd } = consul.spawnSpec(parts.consul, dir)
  children.set(`consul-${index + 1}`, spawn('setpriv', [...(uid ? ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'] : []), '--no-new-privs', '--pdeathsig', 'KILL', command, ...args], { cwd, env, stdio: 'ignore' }))
}
const manage = async <T>(work: (client: consul.ConsulClient) => Promise<T>) => {
  const client = consul.createConsulClient({ ports: ports.map((p) => p.https), tls: { ca: authority.ca, ...(await clients()) }, token: secrets.management })
  return work(client).finally(() => client.close())
}

beforeAll(async () => {
  parts = await ensureParts({ cacheDir: join(import.meta.dirname, '../../.shop/cache/parts') })
  root = await mkdtemp(join(tmpdir(), 'registrar-'))
  await chmod(root, 0o755)
  authority = await testAuthority('consul')
  mesh = await createTestMesh()
  for (const index of [0, 1, 2]) await startServer(index)
  await manage(async (client) => {
    while (!(await consul.ready(client))) await new Promise((resolve) => setTimeout(resolve, 200))
    await ensureAcl(client, [agentPolicy, registrarPolicy(['order', 'billing']), readerPolicy('edge', ['order'])], [
      { policy: 'agent', accessor: randomUUID(), secret: secrets.agent }, { policy: 'registrar', accessor: randomUUID(), secret: tokens.registrar }, { policy: 'reader-edge', accessor: randomUUID(), secret: tokens.reader },
    ])
  })
  const own = await mesh.identity('registry')
  const client = await clients()
  const servers = consulServers({ servers: ports.map((p) => ({ host: '127.0.0.1', port: p.https })), ca: authority.ca, certificate: client.cert, key: client.key, connections: 8 })
  const gateway = registryGateway({ trustDomain: mesh.trustDomain, readers: { edge: ['order'] }, admit: limitCallers({ perSecond: 100, burst: 500, waiting: 20 }), servers, log, report: (d) => events.push(d), now: () => performance.now() })
  const served = await serveMesh(gateway, { port: REGISTRY_PORT, identity: own, report: (d) => events.push(d) })
  closers.push(() => served.close(), () => servers.close())
}, 120_000)
afterAll(async () => {
  for (const close of closers.reverse()) await close()
  for (const child of children.values()) {
    if (child.exitCode === null && !child.signalCode) { child.kill('SIGKILL'); await once(child, 'exit') }
  }
  await rm(root, { recursive: true, force: true })
})

/** A registrar with an inventory socket, as `main.ts` builds it. */
async function startRegistrar(instances: Instance[]) {
  const identity = await mesh.identity('registrar')
  const client = await clients()
  const socketPath = join(root, `inventory-${randomUUID().slice(0, 8)}`)
  let revision = 1
  let listed = instances
  const waiting = new Set<() => void>()
  const server = http.createServer(async (req, res) => {
    if (new URL(req.url!, 'http://x').searchParams.get('after') === String(revision)) await new Promise<void>((resolve) => { waiting.add(resolve); res.once('close', resolve) })
    res.end(JSON.stringify({ revision, instances: listed }))
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  const loop = startLoop({
    registry: consulRegistry({ servers: ports.map((p) => ({ host: '127.0.0.1', port: p.https })), ca: authority.ca, certificate: client.cert, key: client.key, token: tokens.registrar }),
    health: healthChecks(identity, 300), rules: { goodChecks: 2, badChecks: 3, mostGoodChecks: 64, halfLifeMs: 60_000 }, intervalMs: 100, log, report: (d) => events.push(d), now: () => performance.now(), random: Math.random,
  })
  const stopFollowing = followInventory(socketPath, loop.deployed, log)
  const stop = async () => {
    server.closeAllConnections()
    server.close()
    await stopFollowing()
    await loop.stop()
  }
  running.push(stop)
  return {
    stop,
    deploy(next: Instance[]) {
      listed = next
      revision++
      for (const wake of waiting) wake()
      waiting.clear()
    },
  }
}
const running: (() => Promise<void>)[] = []
beforeEach(async () => {
  for (const stop of running.splice(0)) await stop()
  events.length = 0
  await manage(async (client) => {
    for (const { Node } of (await client.call('GET', '/v1/catalog/nodes')).body as { Node: string }[])
      if (!Node.startsWith('consul-')) await client.call('PUT', '/v1/catalog/deregister', { Node })
  })
})
afterAll(async () => { for (const stop of running.splice(0)) await stop() })

/** An instance that answers health checks as told. */
async function instance(id: string, port: number, { as = id.split('-')[0]!, health = () => 200 as number | null } = {}) {
  const server = https.createServer(meshServerOptions(await mesh.identity(as), { clientCertificate: 'required' }), (_req, res) => {
    const status = health()
    if (status !== null) res.writeHead(status).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  // A handshake under way becomes a connection that checks keep alive: it is ended as well, as a killed process would.
  const stop = () => new Promise<void>((resolve) => {
    const ending = setInterval(() => server.closeAllConnections(), 10)
    server.close(() => { clearInterval(ending); resolve() })
  })
  running.push(async () => { if (server.listening) await stop() })
  return { stop, listed: { id, service: id.split('-')[0]!, version: '1', host: '127.0.0.1', port } }
}

const lookup = async (name: string, { as = 'edge', query = '', token = tokens.reader } = {}) => {
  const { key, certificate } = (await mesh.identity(as)).mesh()
  const pool = new Pool(`https://127.0.0.1:${REGISTRY_PORT}`, { connect: { key, cert: certificate, ca: mesh.roots, checkServerIdentity: () => undefined } })
  try {
    const { statusCode, headers, body } = await pool.request({ method: 'GET', path: `/v1/health/service/${name}?passing=true${query}`, headers: { 'x-consul-token': token } })
    return { status: statusCode, index: Number(headers['x-consul-index']), found: statusCode === 200 ? ((await body.json()) as { Service: { ID: string; Address: string; Port: number } }[]).map(({ Service }) => `${Service.ID}@${Service.Address}:${Service.Port}`).sort() : await body.text() }
  } finally {
    await pool.destroy()
  }
}
const found = async () => (await lookup('order')).found
const soon = { timeout: 10_000, interval: 50 }

test('S3.6 well instances enter, and leave when they are gone; a waiting look-up hears of it', async () => {
  const [one, two] = [await instance('order-1', 26_081), await instance('order-2', 26_082)]
  await startRegistrar([one.listed, two.listed])
  await expect.poll(found, soon).toEqual(['order-1@127.0.0.1:26081', 'order-2@127.0.0.1:26082'])
  const { index } = await lookup('order')
  const waiting = lookup('order', { query: `&index=${index}&wait=20s` })
  await two.stop()
  expect((await waiting).found).toEqual(['order-1@127.0.0.1:26081'])
})

test.each([
  ['never healthy', () => ({ health: () => 503 as number | null })],
  ['hanging', () => ({ health: () => null })],
  ['another workload at its port', () => ({ as: 'billing' })],
  ['flapping', () => { let n = 0; return { health: () => (++n % 2 ? 200 : 500) as number | null } }],
])('S3.6 %s: never registered, while its neighbour is', async (name, options) => {
  const sick = await instance('order-1', 26_083, options())
  const well = await instance('order-2', 26_084)
  await startRegistrar([sick.listed, well.listed])
  await expect.poll(found, soon).toEqual(['order-2@127.0.0.1:26084'])
  for (let i = 0; i < 10; i++) expect(await found()).toEqual(['order-2@127.0.0.1:26084'])
  await expect.poll(() => events.length, soon).toBeGreaterThan(0)
  const told = events.filter((e) => e.code === 'instance-wrong-identity')
  // Once, not with each check.
  expect(events.filter((e) => e.code === 'instance-refused').map(({ subject, detection }) => [subject, detection])).toEqual(name.startsWith('another') ? [] : [['order-1', 'REGISTRY-DENY']])
  if (name.startsWith('another')) expect(told).toMatchObject([{ subject: 'order-1', address: '127.0.0.1:26083', detection: 'MTLS-REJECT' }])
  else expect(told).toEqual([])
})

test('S3.6 a ghost: killed while the registrar was away, its port taken by another', async () => {
  const one = await instance('order-1', 26_085)
  const registrar = await startRegistrar([one.listed])
  await expect.poll(found, soon).toEqual(['order-1@127.0.0.1:26085'])
  await registrar.stop()
  await one.stop()
  const thief = await instance('billing-1', 26_085)
  expect(await found()).toEqual(['order-1@127.0.0.1:26085']) // entries stay while it is away
  await startRegistrar([one.listed, { ...thief.listed, port: 26_086 }])
  await expect.poll(found, soon).toEqual([])
})

test('S3.5 restarted, it leaves what is well untouched, and removes what is gone from the deployment once its checks fail', async () => {
  const [one, two] = [await instance('order-1', 26_087), await instance('order-2', 26_088)]
  const first = await startRegistrar([one.listed, two.listed])
  await expect.poll(async () => (await found()).length, soon).toBe(2)
  await first.stop()
  const second = await startRegistrar([one.listed])
  for (let i = 0; i < 10; i++) expect((await found()).length).toBe(2)
  await two.stop()
  await expect.poll(found, soon).toEqual(['order-1@127.0.0.1:26087'])
  second.deploy([])
  for (let i = 0; i < 5; i++) expect((await found()).length).toBe(1)
})

test('S3.6 an instance that moved is found at its new address alone', async () => {
  const one = await instance('order-1', 26_089)
  const registrar = await startRegistrar([one.listed])
  await expect.poll(found, soon).toEqual(['order-1@127.0.0.1:26089'])
  const moved = await instance('order-1', 26_090)
  registrar.deploy([moved.listed])
  await expect.poll(found, soon).toEqual(['order-1@127.0.0.1:26090'])
})

const write = (node: string, id: string, port: number) => manage((client) => client.call('PUT', '/v1/catalog/register', { Node: node, Address: '127.0.0.1', Service: { ID: id, Service: 'order', Port: port } }))

test('S3.5 S3.4 what another wrote is told, and leaves: an entry more, a true one overwritten, one under the id of a true one', async () => {
  const [one, thief] = [await instance('order-1', 26_095), await instance('billing-1', 26_096)]
  await startRegistrar([one.listed])
  await expect.poll(found, soon).toEqual(['order-1@127.0.0.1:26095'])
  await write('order-1', 'order-1', 26_096)
  await write('order-8', 'order-1', 26_096)
  await write('order-9', 'order-9', 9)
  await write('order-7', 'a/b', 26_096)
  await expect.poll(found, { timeout: 12_000, interval: 50 }).toEqual(['order-1@127.0.0.1:26095'])
  const told = (code: string) => events.filter((e) => e.code === code).map(({ subject, address }) => `${subject} ${address}`).sort()
  expect(told('registration-foreign')).toEqual(['order-1 127.0.0.1:26096', 'order-7/a%2Fb 127.0.0.1:26096', 'order-8/order-1 127.0.0.1:26096', 'order-9 127.0.0.1:9'])
  expect(told('instance-wrong-identity')).toEqual(['order-7/a%2Fb 127.0.0.1:26096', 'order-8/order-1 127.0.0.1:26096'])
  await thief.stop()
})

test('S3.5 its token can do nothing else', async () => {
  const client = consul.createConsulClient({ ports: ports.map((p) => p.https), tls: { ca: authority.ca, ...(await clients()) }, token: tokens.registrar })
  for (const [method, path, body] of [['PUT', '/v1/kv/x', 'y'], ['GET', '/v1/acl/tokens', undefined], ['PUT', '/v1/catalog/register', { Node: 'consul-1', Address: '127.0.0.1' }]] as const) expect((await client.call(method, path, body)).status).toBe(403)
  await client.close()
})

test('S3.4 the gateway asks with the caller\'s token, so Consul is the second layer', async () => {
  const one = await instance('order-1', 26_092)
  await startRegistrar([one.listed])
  await expect.poll(found, soon).toHaveLength(1)
  expect(await lookup('order', { token: randomUUID() })).toMatchObject({ status: 403 })
  expect(await lookup('billing')).toMatchObject({ status: 403, found: expect.stringContaining('registry-denied') })
  expect(events.at(-1)).toMatchObject({ detection: 'REGISTRY-DENY', subject: 'spiffe://shop.test/mesh/edge' })
})

test('S3.2 one server down: look-ups and registrations go on', async () => {
  const one = await instance('order-1', 26_093)
  await startRegistrar([one.listed])
  await expect.poll(found, soon).toHaveLength(1)
  children.get('consul-1')!.kill('SIGKILL')
  const two = await instance('order-2', 26_094)
  // Was it the leader, then the other two choose a new one first; callers go on with what they know meanwhile.
  await expect.poll(async () => (await lookup('order')).status, { timeout: 20_000, interval: 100 }).toBe(200)
  await (running.at(-2) as () => Promise<void>)()
  await startRegistrar([one.listed, two.listed])
  await expect.poll(found, { timeout: 20_000, interval: 100 }).toHaveLength(2)
})
