// Order registers itself: with its own token at the registry, through its own sidecar, and at the registrar's place.
import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { endpoints } from '../../shop.ts'
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'
import { listed, machine, writeItself } from './write-registry.ts'

const NODE = 'order-8'
let before = ''
let isElsewhere = false

/** Sends one request to a socket, prints what comes back or why nothing does. */
const ASK = `const [socketPath, host, body] = process.argv.slice(1); const r = require('node:http').request({ socketPath, method: 'PUT', path: '/v1/catalog/register', headers: { host, 'content-type': 'application/json' } }, (a) => { let t = ''; a.on('data', (d) => { t += d }).on('end', () => process.stdout.write(JSON.stringify({ status: a.statusCode, text: t }))) }); r.on('error', (e) => process.stdout.write(JSON.stringify({ error: e.code }))); r.end(body)`

/** The places beside the registry, tried by a process that runs as order-1 does. */
function knock(scene: Scene): void {
  const own = endpoints.processes.find(({ name }) => name === 'order-1')
  if (!own?.socket) throw new Error('order-1 has no socket')
  const at = (pair: string) => join(dirname(dirname(own.socket!)), pair, 's')
  const as = process.getuid?.() === 0 && own.uid ? { uid: own.uid, gid: own.uid } : {}
  const ask = (socket: string, host: string) => JSON.parse(execFileSync(process.execPath, ['-e', ASK, socket, host, JSON.stringify(machine(NODE, 'order'))], { ...as, encoding: 'utf8', cwd: '/', env: {}, timeout: 20_000 })) as { status?: number; text?: string; error?: string }
  for (const host of ['registry', 'registrar']) {
    const { status = 0, text = '' } = ask(at('order-1-gateway-order-1'), host)
    const json = /^\{/.test(text) ? JSON.parse(text) as { code?: string } : undefined
    scene.answered({ status, json }, `PUT /v1/catalog/register at ${host} through its own sidecar`, { code: 'mesh-denied', detection: 'MESH-DENY', control: 'callee-policy' })
    isElsewhere ||= status < 400
  }
  // The registrar listens nowhere: it asks whoever deploys, at a socket that is its own.
  const { status, error } = ask(at('runner-registrar'), 'registrar')
  scene.note({ request: 'where the registrar asks what is deployed', status, error })
  isElsewhere ||= status !== undefined && status < 400
  isElsewhere ||= endpoints.processes.some(({ name, address }) => name === 'registrar' && address !== undefined)
}

attack({
  id: 'S3.5-a',
  strategies: ['S3.5'],
  kind: 'attack',
  goal: 'register an instance without the registrar',
  without: 'registrar-only-token',
  stopped: { code: 'registry-denied', detection: 'REGISTRY-DENY' },
  async run(scene) {
    before = await listed(scene, 'edge', 'order')
    isElsewhere = false
    knock(scene)
    return (await writeItself(scene, 'order', NODE, { control: 'registry-write' })).isListed
  },
  isIntact: async (scene) => !isElsewhere && (await listed(scene, 'edge', 'order')) === before,
  probe: async (scene) => (await listed(scene, 'edge', 'order')).includes('order-1'),
})
