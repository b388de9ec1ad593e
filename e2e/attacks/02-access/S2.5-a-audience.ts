// A token narrowed for shipping is shown to billing by the very party that it was made for. Both services have an
// operation of this name, so that nothing but the audience is wrong.
import { settled } from '../../shop.ts'
import { attack } from '../attack.ts'
import { Insider } from '../insider.ts'
import { purchase } from '../purchase.ts'
import type { Scene } from '../scene.ts'

async function showTo(scene: Scene, audience: 'billing' | 'shipping'): Promise<boolean> {
  const alice = await scene.signIn('alice')
  const edge = await scene.insider('edge')
  const { id } = (await purchase(alice)).json
  await settled(alice, id)
  const { json } = await edge.exchange({ audience, scope: 'findByOrder', subjectToken: await edge.userToken('alice') })
  const answer = await edge.call(Insider.addressOf('billing-1-gateway'), 'GET', `/orders/${id}/invoice`, { token: json.access_token, headers: { traceparent: scene.traceparent } })
  scene.answered(answer, `GET billing /orders/${id}/invoice with a token for ${audience}`)
  return answer.status === 200 && answer.json.orderId === id && answer.json.totalMinor > 0
}

attack({
  id: 'S2.5-a-audience',
  strategies: ['S2.5'],
  kind: 'attack',
  goal: 'read an invoice in billing with a token that was issued for shipping',
  without: 'check-audience',
  stopped: { code: 'audience-mismatch', detection: 'TOKEN-INVALID' },
  run: (scene) => showTo(scene, 'shipping'),
  probe: (scene) => showTo(scene, 'billing'),
})
