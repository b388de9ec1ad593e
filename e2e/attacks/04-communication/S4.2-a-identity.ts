// Code runs in the order service. It holds no mesh key, only the certificate of its database role and broker user,
// from the same authority, and goes into the mesh with that: to the exchange for a token, then to catalog.
import { attack } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'

async function quoteWith(scene: Scene, certificate: 'data' | 'mesh'): Promise<boolean> {
  const productId = (await scene.visitor().get('/api/products?pageSize=1')).json.items[0].id as string
  const order = await scene.insider('order')
  const caller = certificate === 'mesh' ? order : order.withDataCertificate()
  try {
    const asked = scene.trace()
    const exchanged = await caller.exchange({ audience: 'catalog', scope: 'quoteProducts', traceparent: asked.traceparent })
    if (exchanged.status !== 200) scene.answered(exchanged, 'exchange for catalog.quoteProducts', { traceId: asked.traceId })
    const answer = await caller.call(Insider.addressOf('catalog-1-gateway'), 'GET', `/quotes?ids=${productId}`, { ...(exchanged.json.access_token && { token: exchanged.json.access_token }), headers: { traceparent: scene.traceparent } })
    // Who is nobody has no trace either: the answer names the one that it was given.
    scene.answered(answer, `GET catalog /quotes with the ${certificate} certificate`)
    return answer.status === 200 && answer.json.items[0].productId === productId
  } finally {
    if (caller !== order) await caller.close()
  }
}

attack({
  id: 'S4.2-a-identity',
  strategies: ['S4.2'],
  kind: 'attack',
  goal: 'speak in the mesh as order with the certificate of its database role',
  without: 'verify-peer',
  stopped: { code: 'peer-unknown', detection: 'MESH-DENY' },
  run: (scene) => quoteWith(scene, 'data'),
  probe: (scene) => quoteWith(scene, 'mesh'),
})
