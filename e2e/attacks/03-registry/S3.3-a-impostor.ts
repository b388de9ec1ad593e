// The registry is away for a moment, and somebody takes its port. His certificate says that he is the registry; an
// authority of his own vouches for it. Whoever asks him where the others are shows the token with which it asks.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { endpoints, eventually, readEndpoints } from '../../shop.ts'
import { attack, NotRun } from '../attack.ts'
import type { Scene } from '../scene.ts'
import { listed } from './write-registry.ts'

/** Takes whatever comes at the port until its input ends; then says how often it was dialled, and the tokens that it was shown. */
const IMPOSTOR = `
const https = require('node:https')
const { key, cert, host, port } = JSON.parse(process.argv[1])
let dialled = 0
const tokens = []
const server = https.createServer({ key, cert, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' }, (request, response) => {
  tokens.push(request.headers['x-consul-token'] ?? '')
  response.writeHead(503, { connection: 'close' }).end()
})
server.on('tlsClientError', () => {}).on('connection', () => { dialled += 1 })
server.listen({ host, port, reusePort: true }, () => process.stdout.write('LISTENS\\n'))
process.stdin.resume().on('end', () => { process.stdout.write('SAW' + JSON.stringify({ dialled, tokens }) + '\\n', () => process.exit(0)) })`

function forge(trustDomain: string): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'impostor-'))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  try {
    const NEW = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    openssl('req', '-x509', ...NEW, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '1', '-subj', '/CN=mesh')
    openssl('req', '-x509', ...NEW, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-keyout', 'key.pem', '-out', 'leaf.pem', '-days', '1', '-subj', '/CN=registry', '-addext', `subjectAltName=URI:spiffe://${trustDomain}/mesh/registry`)
    return { key: read('key.pem'), cert: read('leaf.pem') + read('ca.pem') }
  } catch (error) {
    throw new NotRun(`openssl is needed to make an authority: ${(error as Error).message}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const registry = () => readEndpoints().processes.find(({ name }) => name === 'registry')!
let before = ''

async function takeItsPlace(scene: Scene): Promise<boolean> {
  if (process.platform !== 'linux') throw new NotRun('a port is shared on Linux alone')
  before = await listed(scene, 'edge', 'order')
  const { held: { places: { trustDomain } } } = await scene.insider('order')
  const { address, pid, uid } = registry()
  const [host, port] = address!.split(':')
  // So that the port can be his while the true one comes back, he runs under its user id; the certificate is what is tried here.
  const child = spawn(process.execPath, ['-e', IMPOSTOR, JSON.stringify({ ...forge(trustDomain), host, port: Number(port) })], {
    stdio: ['pipe', 'pipe', 'inherit'], cwd: '/', env: {}, ...(process.getuid?.() === 0 && { uid: uid!, gid: uid! }),
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text })
  const gone = new Promise((resolve) => child.once('close', resolve))
  try {
    await eventually('his listener', async () => said.includes('LISTENS'))
    process.kill(pid, 'SIGTERM')
    await eventually('another registry', async () => registry()?.pid !== undefined && registry().pid !== pid, 20_000)
    // Who was turned away tries again, and comes to either of the two.
    await pause(1_000)
  } finally {
    child.stdin.end()
    await gone
  }
  const { dialled, tokens } = JSON.parse(said.slice(said.indexOf('SAW') + 3)) as { dialled: number; tokens: string[] }
  scene.note({ dialled, 'requests heard': tokens.length, 'tokens, hashed': [...new Set(tokens)].map((token) => createHash('sha256').update(token).digest('base64url')) })
  if (dialled === 0) throw new Error('nobody dialled the impostor: nothing was tried')
  for (const source of ['edge', 'order-']) scene.refused({ address: address!, subject: 'registry', source })
  return tokens.length > 0
}

attack({
  id: 'S3.3-a-impostor',
  strategies: ['S3.3'],
  kind: 'attack',
  goal: 'be asked in the registry\'s place, and learn the token that it is asked with',
  without: 'registry-peer',
  stopped: { code: 'peer-mismatch', detection: 'MTLS-REJECT' },
  isExclusive: true, // others ask the registry too
  run: takeItsPlace,
  isIntact: async (scene) => (await eventually('the registry', async () => listed(scene, 'edge', 'order').catch(() => undefined))) === before,
  /** The true one is asked by the same clients. */
  probe: async (scene) => (await scene.visitor().get('/api/cart')).status === 200 && endpoints.processes.some(({ name }) => name === 'registry') && (await listed(scene, 'edge', 'order')).includes('order-1'),
})
