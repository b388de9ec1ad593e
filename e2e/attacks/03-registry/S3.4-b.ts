// Shipping calls nobody, so there is nobody that it may look up. It tries to learn who else is there: through the
// registry's gateway, and at Consul itself, as if that gateway had fallen too.
import { attack } from '../attack.ts'
import { listed, readAll } from './write-registry.ts'

let answered = 0

for (const { id, isBehind } of [{ id: 'S3.4-b', isBehind: false }, { id: 'S3.4-b-acl', isBehind: true }])
  attack({
    id,
    strategies: ['S3.4'],
    kind: 'attack',
    goal: `learn which services there are and where${isBehind ? ', from where the registry\'s gateway stands' : ''}`,
    without: 'registry-read',
    // Of a list Consul leaves out what the token may not see, and tells nobody; what it refuses as a whole stands in its log.
    stopped: { code: 'registry-denied', detection: 'REGISTRY-DENY' },
    async run(scene) {
      const heard = await readAll(scene, 'shipping', { control: 'registry-read' }, isBehind)
      if (!isBehind) answered = heard.answered
      return heard.known.length > 0
    },
    isIntact: async () => isBehind || answered === 0,
    probe: async (scene) => (await listed(scene, 'order', 'catalog')).includes('catalog-1'),
  })
