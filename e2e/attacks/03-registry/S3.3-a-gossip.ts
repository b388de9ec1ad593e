// Consul's servers tell each other who is a member by gossip. Somebody on the internal network who has no key of theirs
// speaks to every port of it, in plain text and under keys that he made up or read in Consul's manual; then he starts a
// whole agent of Consul's own, that tries to join as a machine of order's.
import { spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { endpoints, eventually, freshAddress } from '../../shop.ts'
import { attack, NotRun } from '../attack.ts'
import type { Scene } from '../scene.ts'

/** The example of https://developer.hashicorp.com/consul/docs/security/encryption. */
const MANUALS_KEY = 'pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvYwy7Cu5s='
/** So soon all servers have heard of a new member, and its leader has it in the list; without an answer of its own it stays one for 5 s. */
const HEARD_MS = 1_000
/** memberlist's push/pull with an empty list, as msgpack: { Nodes: 0, UserStateLen: 0, Join: true }. */
const PLAIN = Buffer.concat([Buffer.from([6, 0x83, 0xa5]), Buffer.from('Nodes'), Buffer.from([0, 0xac]), Buffer.from('UserStateLen'), Buffer.from([0, 0xa4]), Buffer.from('Join'), Buffer.from([0xc3])])
const ENCRYPTED = 10
/** A message of 61 bytes under some key: version, nonce, text, tag. */
const underSomeKey = () => Buffer.concat([Buffer.from([ENCRYPTED, 0, 0, 0, 61, 1]), randomBytes(60)])

/** What came back for these bytes, at most its first kilobyte. */
const say = (port: number, bytes: Buffer, localAddress: string): Promise<Buffer> => new Promise((resolve) => {
  let heard = Buffer.alloc(0)
  const socket = connect({ host: '127.0.0.1', port, localAddress, timeout: 1_000 }, () => socket.write(bytes))
  socket.on('data', (data: Buffer) => { heard = Buffer.concat([heard, data]).subarray(0, 1_024) }).on('error', () => {}).once('timeout', () => socket.destroy()).once('end', () => socket.end()).once('close', () => resolve(heard))
})

async function sendPacket(port: number, bytes: Buffer, localAddress: string): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, localAddress, resolve))
  await new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', resolve))
  socket.close()
}

/** Ports near Consul's that answer gossip, found by speaking it. */
async function findGossip(): Promise<number[]> {
  const near = endpoints.infrastructure.consul.flatMap(({ port }) => [port + 1, port + 2])
  const heard = await Promise.all(near.map(async (port) => ({ port, first: (await say(port, PLAIN, freshAddress()))[0] })))
  return heard.filter(({ first }) => first === ENCRYPTED || first === PLAIN[0]).map(({ port }) => port)
}

/** Who is there, as the registrar's token may see: machines of services. */
async function machines(scene: Scene): Promise<{ members: string[]; nodes: string[] }> {
  const registrar = await scene.insider('registrar')
  const consul = registrar.atConsul()
  const ask = async (path: string) => (await consul.call(consul.server, 'GET', path, { headers: { 'x-consul-token': registrar.held.places.consulToken } })).json
  try {
    const ALIVE = 1
    return { members: (await ask('/v1/agent/members')).filter((one: any) => one.Status === ALIVE).map((one: any) => one.Name), nodes: (await ask('/v1/catalog/nodes')).map((one: any) => one.Node).sort() }
  } finally {
    await consul.close()
  }
}

/** An agent of the same program as the servers, with this key or none. Resolves with what came of its attempt, while it goes on; `end` lets it leave. */
async function startAgent(name: string, port: number, key: string | undefined): Promise<{ said: string; end(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'stranger-'))
  const address = freshAddress()
  let program: string
  try {
    program = readlinkSync(`/proc/${endpoints.processes.find(({ name }) => name === 'consul-1')!.pid}/exe`)
  } catch (error) {
    throw new NotRun(`where Consul's program is cannot be seen here: ${(error as Error).message}`)
  }
  writeFileSync(join(folder, 'agent.json'), JSON.stringify({
    node_name: name, datacenter: 'dc1', data_dir: join(folder, 'data'), bind_addr: address, client_addr: address, disable_update_check: true, leave_on_terminate: true,
    ports: { http: 18_500, server: 18_300, serf_lan: 18_301, dns: -1, grpc: -1, serf_wan: -1 }, retry_join: [`127.0.0.1:${port}`], ...(key && { encrypt: key }),
  }))
  const agent = spawn(program, ['agent', `-config-file=${join(folder, 'agent.json')}`], { stdio: ['ignore', 'pipe', 'pipe'], env: {}, cwd: folder })
  const gone = new Promise((resolve) => agent.once('close', resolve).once('error', resolve))
  let log = ''
  for (const stream of [agent.stdout, agent.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { log += text })
  const said = await eventually('the agent\'s attempt', async () => /Failed to join .*|Join completed.*|==> .*[Ee]rror.*/.exec(log)?.[0], 15_000)
  return {
    said,
    async end() {
      const timer = setTimeout(() => agent.kill('SIGKILL'), 10_000)
      agent.kill('SIGTERM')
      await gone
      clearTimeout(timer)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

let before = ''

async function speakUp(scene: Scene): Promise<boolean> {
  before = JSON.stringify(await machines(scene))
  const ports = await findGossip()
  if (ports.length === 0) throw new Error('no port of the gossip was found')
  for (const port of ports)
    for (const [what, way] of [['in plain text', (from: string) => say(port, PLAIN, from)], ['under some key', (from: string) => say(port, underSomeKey(), from)], ['under some key, in a packet', (from: string) => sendPacket(port, underSomeKey().subarray(5), from)]] as const) {
      const address = freshAddress()
      await way(address)
      scene.note({ request: `gossip at ${port} ${what}` })
      scene.refused({ address })
    }
  // A new one each time: the cluster remembers where a name was last, and takes it from nowhere else for a while.
  const name = `order-${100 + randomInt(100_000)}`
  let isMember = false
  for (const [what, key] of [['no key', undefined], ['a key of its own', randomBytes(32).toString('base64')], ['the key of the manual', MANUALS_KEY]] as const) {
    const agent = await startAgent(name, ports[0]!, key)
    try {
      await pause(HEARD_MS)
      const { members, nodes } = await machines(scene)
      const isIn = members.includes(name) && nodes.includes(name)
      scene.note({ request: `an agent with ${what} joins as ${name}`, said: agent.said, 'is a member, and in the list of machines': isIn })
      if (isIn) isMember = true
    } finally {
      await agent.end()
    }
  }
  // It cannot say farewell to those whose answers it cannot read. The lab sends away whom it let in.
  if (isMember) await eventually(`${name} to be missed`, async () => !(await machines(scene)).members.includes(name), 20_000)
  return isMember
}

attack({
  id: 'S3.3-a-gossip',
  strategies: ['S3.3'],
  kind: 'attack',
  goal: 'become a member of the registry\'s cluster, and stand in its list of machines, without its key',
  without: 'gossip-key',
  stopped: { code: 'gossip-refused', detection: 'REGISTRY-DENY' },
  run: speakUp,
  isIntact: async (scene) => JSON.stringify(await machines(scene)) === before,
  /** Those with the key are a cluster: each server is known to the one asked. */
  async probe(scene) {
    const consul = (await scene.insider('registrar')).atConsul()
    try {
      const { json } = await consul.call(consul.server, 'GET', '/v1/status/peers')
      return json.length === endpoints.infrastructure.consul.length
    } finally {
      await consul.close()
    }
  },
})
