// Somebody may deploy, and deploys what is no instance of shipping: one that hangs, one that says it is ill, one that is
// the catalog, one that is slow, one that is well every other time. Each wants to be in the list. (Shipping, because
// the honest traffic beside it asks order and catalog all the time, and must not meet one of these once they are listed.)
import https from 'node:https'
import net, { type AddressInfo, type Server } from 'node:net'
import { events, freshAddress } from '../../shop.ts'
import { attack } from '../attack.ts'
import { command } from '../commands.ts'
import type { Held } from '../insider.ts'
import type { Scene } from '../scene.ts'
import { listed } from './write-registry.ts'

type Sick = { what: string; address: string; checks(): number; close(): void; code: string; detection: string }

/** `answer` gets the number of the check; without a certificate nothing is ever said. */
async function sick(what: string, held: Held | null, answer: (response: { end(status: number): void }, check: number) => void = () => {}, code = 'instance-refused', detection = 'REGISTRY-DENY'): Promise<Sick> {
  let checks = 0
  const open = new Set<net.Socket>()
  const server: Server = held
    ? https.createServer({ key: held.key, cert: held.certificate, minVersion: 'TLSv1.3' }, (_request, response) => answer({ end: (status) => void response.writeHead(status).end('{"status":"ok","version":"1"}') }, ++checks))
    : net.createServer(() => { checks += 1 })
  server.on('connection', (socket: net.Socket) => {
    if (held && code !== 'instance-refused') checks += 1 // the handshake does not end
    open.add(socket.on('error', () => {}).once('close', () => open.delete(socket)))
  })
  const host = freshAddress()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return { what, address: `${host}:${(server.address() as AddressInfo).port}`, checks: () => checks, code, detection, close: () => { server.close(); for (const socket of open) socket.destroy() } }
}

/** So many checks see every way of being refused: three bad ones in a row, or three among good ones. */
const CHECKS = 7
let before = ''
let ids: string[] = []

async function deploy(scene: Scene): Promise<boolean> {
  const [{ held: own }, { held: other }] = [await scene.insider('shipping'), await scene.insider('catalog')]
  before = await listed(scene, 'order', 'shipping')
  const all = [
    await sick('hangs', null), await sick('says 503', own, (r) => r.end(503)), await sick('is the catalog', other, (r) => r.end(200), 'instance-wrong-identity', 'MTLS-REJECT'),
    await sick('is slow', own, (r) => setTimeout(() => r.end(200), 1_500)), await sick('flaps', own, (r, check) => r.end(check % 2 ? 503 : 200)),
  ]
  const inList = new Set<string>()
  try {
    ids = (await command('lab', 'deploy', 'shipping', ...all.map(({ address }) => address))).trim().split('\n')
    const isSeen = (one: Sick) => inList.has(one.what) || one.checks() >= (one.what === 'flaps' ? CHECKS : 4)
    for (const until = Date.now() + 30_000; Date.now() < until && !all.every(isSeen);) {
      const list = await listed(scene, 'order', 'shipping')
      for (const [i, { what }] of all.entries()) if (list.includes(`"${ids[i]}"`)) inList.add(what)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    for (const [i, one] of all.entries()) {
      scene.note({ deployed: one.what, as: ids[i], checks: one.checks(), isListed: inList.has(one.what) })
      scene.refused({ subject: ids[i], address: one.address, code: one.code, detection: one.detection, source: 'registrar' })
    }
    if (inList.size === 0 && !all.every(isSeen)) throw new Error('not each of them was checked: nothing was tried')
    return inList.size > 0
  } finally {
    await command('lab', 'recall', ...ids)
    for (const one of all) one.close()
  }
}

attack({
  id: 'S3.6-a',
  strategies: ['S3.6'],
  kind: 'attack',
  goal: 'be in the list of a service without being well, or without being it',
  without: 'check-before-register',
  stopped: { code: 'instance-refused', detection: 'REGISTRY-DENY' },
  run: deploy,
  /** The list is as before, and nobody was told of more than once. */
  async isIntact(scene) {
    const told = (await Promise.all(['REGISTRY-DENY', 'MTLS-REJECT'].map((detection) => events({ detection, strategy: 'S3.6', limit: '1000', since: new Date(Date.now() - 60_000).toISOString() })))).flat()
    const times = ids.map((id) => told.filter((event) => event.data.subject === id).length)
    scene.note({ 'events for each': times })
    return times.every((n) => n <= 1) && (await listed(scene, 'order', 'shipping')) === before
  },
  /** An instance that is well and is shipping does enter. */
  async probe(scene) {
    const well = await sick('is well', (await scene.insider('shipping')).held, (r) => r.end(200))
    let id = ''
    try {
      id = (await command('lab', 'deploy', 'shipping', well.address)).trim()
      for (const until = Date.now() + 30_000; Date.now() < until;) if ((await listed(scene, 'order', 'shipping')).includes(`"${id}"`)) return true
      return false
    } finally {
      await command('lab', 'recall', id)
      well.close()
    }
  },
})
