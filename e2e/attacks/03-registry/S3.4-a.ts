// Shipping wants its own machine in the list of order's instances, by every way that Consul's API has to write: through
// the registry's gateway, as everybody must; and at Consul itself, as if that gateway had fallen too.
import { attack } from '../attack.ts'
import { listed, writeItself } from './write-registry.ts'

const seen = { before: '', answered: 0 }
const about = { control: 'registry-write' }

for (const { id, node, isBehind } of [{ id: 'S3.4-a', node: 'order-9', isBehind: false }, { id: 'S3.4-a-acl', node: 'order-7', isBehind: true }])
  attack({
    id,
    strategies: ['S3.4'],
    kind: 'attack',
    goal: `put a machine of one's own into the list of a service${isBehind ? ', from where the registry\'s gateway stands' : ''}`,
    without: 'registry-write',
    // Consul tells nobody but its log, and that is read.
    stopped: { code: 'registry-denied', detection: 'REGISTRY-DENY' },
    async run(scene) {
      const before = await listed(scene, 'edge', 'order')
      const { answered, isListed } = await writeItself(scene, 'shipping', node, about, isBehind)
      Object.assign(seen, { before, answered })
      return isListed
    },
    isIntact: async (scene) => seen.answered === 0 && (await listed(scene, 'edge', 'order')) === seen.before,
    probe: async (scene) => (await listed(scene, 'edge', 'order')).includes('order-1'),
  })
