// Shipping wants its own machine in the list of order's instances, by every way that Consul's API has to write.
import { attack } from '../attack.ts'
import { listed, tryAll } from './write-registry.ts'

const node = { Node: 'order-9', Address: '127.6.6.6', Service: { ID: 'order-9', Service: 'order', Address: '127.6.6.6', Port: 6666 } }
let before = ''

attack({
  id: 'S3.4-a',
  strategies: ['S3.4'],
  kind: 'inherent',
  goal: 'put a machine of one\'s own into the list of a service',
  without: null,
  stopped: { code: 'registry-denied', detection: 'REGISTRY-DENY' },
  async run(scene) {
    before = await listed(scene, 'edge', 'order')
    return tryAll(scene, 'shipping', [
      ['PUT', '/v1/catalog/register', node], ['PUT', '/v1/agent/service/register', { Name: 'order', Port: 6666 }], ['PUT', '/v1/agent/check/pass/service:order-1'], ['PUT', '/v1/session/create', {}], ['PUT', '/v1/kv/releases/order', { weight: 100 }],
      ['POST', '/v1/query', { Name: 'order' }], ['PUT', '/v1/config', { Kind: 'service-defaults', Name: 'order' }], ['PUT', '/v1/txn', [{ Node: { Verb: 'set', Node: node } }]], ['PUT', '/v1/acl/token', {}], ['PUT', '/v1/acl/bootstrap'],
      ['PUT', '/v1/catalog/deregister', { Node: 'order-1' }], ['DELETE', '/v1/kv/?recurse'], ['PUT', '/v1/agent/force-leave/consul-1'], ['PUT', '/v1/operator/raft/peer'], ['POST', '/v1/health/service/order?passing=true', node], ['GET', '/v1/health/service/order?passing=true&token=x'],
    ])
  },
  isIntact: async (scene) => (await listed(scene, 'edge', 'order')) === before,
  probe: async (scene) => (await listed(scene, 'edge', 'order')).includes('order-1'),
})
