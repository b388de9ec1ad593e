// Alice looks at a parcel, so shipping sees a token about her. Whoever owns shipping takes it further: to the order
// service, which shipping has no business with, for her name and address. First it asks the exchange, then it goes
// there with the token that it has.
import { attack } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'

async function readProfileAs(scene: Scene, workload: 'shipping' | 'edge'): Promise<boolean> {
  const edge = await scene.insider('edge')
  const userToken = await edge.userToken('alice')
  const caught = (await edge.exchange({ audience: 'shipping', scope: 'findByOrder', subjectToken: userToken })).json.access_token as string
  const caller = await scene.insider(workload)
  const asked = scene.trace()
  const exchanged = await caller.exchange({ audience: 'order', scope: 'getProfile', subjectToken: workload === 'edge' ? userToken : caught, traceparent: asked.traceparent })
  if (exchanged.status !== 200) scene.note({ request: 'exchange for order.getProfile', status: exchanged.status, error: exchanged.json?.error })
  if (exchanged.status !== 200) scene.refused({ traceId: asked.traceId, code: 'target-not-allowed', detection: 'EXCHANGE-DENY', control: 'narrowing' })
  const answer = await caller.call(Insider.addressOf('order-1-gateway'), 'GET', '/profile', { token: exchanged.json.access_token ?? caught, headers: { traceparent: scene.traceparent } })
  scene.answered(answer, `GET order /profile as ${workload}`)
  return answer.status === 200 && typeof answer.json.name === 'string'
}

attack({
  id: 'S4.2-a-pair',
  strategies: ['S4.2', 'S13.1'],
  kind: 'attack',
  goal: 'read a name and an address from the order service as shipping, with a token about the customer that shipping once saw',
  without: 'pair-policy',
  stopped: { code: 'mesh-denied', detection: 'MESH-DENY' },
  run: (scene) => readProfileAs(scene, 'shipping'),
  probe: (scene) => readProfileAs(scene, 'edge'),
})
