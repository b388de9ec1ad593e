// Order registers itself and its rivals away: with its own token, at the registry and at the registrar's own place.
import { endpoints } from '../../shop.ts'
import { attack } from '../attack.ts'
import { listed, tryAll } from './write-registry.ts'

let before = ''

attack({
  id: 'S3.5-a',
  strategies: ['S3.5'],
  kind: 'inherent',
  goal: 'register an instance without the registrar',
  without: null,
  stopped: { code: 'registry-denied', detection: 'REGISTRY-DENY' },
  async run(scene) {
    before = await listed(scene, 'edge', 'order')
    const own = { Node: 'order-9', Address: '127.0.0.1', Service: { ID: 'order-9', Service: 'order', Address: '127.0.0.1', Port: 6666 }, Check: { CheckID: 'order-9', Status: 'passing' } }
    const isWritten = await tryAll(scene, 'order', [['PUT', '/v1/catalog/register', own], ['PUT', '/v1/agent/service/register', { Name: 'order', Port: 6666, Check: { TTL: '10s' } }], ['PUT', '/v1/catalog/deregister', { Node: 'order-2' }], ['PUT', '/v1/agent/check/update/order-9', { Status: 'passing' }]])
    // The registrar listens nowhere: it looks for itself.
    const { address } = endpoints.processes.find(({ name }) => name === 'registrar') ?? {}
    if (address) scene.note({ effect: 'the registrar has an address', address })
    return isWritten || address !== undefined
  },
  isIntact: async (scene) => (await listed(scene, 'edge', 'order')) === before,
  probe: async (scene) => (await listed(scene, 'edge', 'order')).includes('order-1'),
})
