// Shipping calls nobody, so there is nobody that it may look up. It tries to learn who else is there.
import { attack } from '../attack.ts'
import { listed, tryAll } from './write-registry.ts'

attack({
  id: 'S3.4-b',
  strategies: ['S3.4'],
  kind: 'inherent',
  goal: 'learn which services there are and where',
  without: null,
  stopped: { code: 'registry-denied', detection: 'REGISTRY-DENY' },
  run: (scene) => tryAll(scene, 'shipping', [
    ...['billing', 'order', 'catalog', 'consul', 'Order', 'order%00', '..%2forder', 'constructor'].map((name): [string, string] => ['GET', `/v1/health/service/${name}?passing=true`]),
    ['GET', '/v1/catalog/services'], ['GET', '/v1/catalog/nodes'], ['GET', '/v1/catalog/datacenters'], ['GET', '/v1/agent/members'], ['GET', '/v1/agent/services'], ['GET', '/v1/agent/self'], ['GET', '/v1/status/peers'], ['GET', '/v1/internal/ui/services'], ['GET', '/v1/kv/?recurse'], ['GET', '/v1/health/state/any'],
    ['GET', '/v1/health/node/order-1'], ['GET', '/v1/acl/tokens'], ['GET', '/ui/'], ['GET', '/v1/health/service/billing/../order?passing=true'], ['GET', '//v1/health/service/billing?passing=true'], ['GET', '/v1/event/list'], ['GET', '/v1/coordinate/nodes'],
  ]),
  probe: async (scene) => (await listed(scene, 'order', 'catalog')).includes('catalog-1'),
})
