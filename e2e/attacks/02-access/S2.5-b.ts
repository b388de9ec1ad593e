// A token caught in one order instance is shown with the certificate of another one: same workload, same operation,
// same audience. Nothing but the pair of hands is wrong.
import type { Visitor } from '../../shop.ts'
import { attack } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'

async function quote(scene: Scene, hands: 'own' | 'other'): Promise<boolean> {
  const guest: Visitor = scene.visitor()
  const productId = (await guest.get('/api/products?pageSize=1')).json.items[0].id as string
  const robbed = await scene.insider('order')
  const thief = await scene.insider('order', 'a second instance')
  const { json } = await robbed.exchange({ audience: 'catalog', scope: 'quoteProducts' })
  const by = hands === 'own' ? robbed : thief
  const answer = await by.call(Insider.addressOf('catalog-1-gateway'), 'GET', `/quotes?ids=${productId}`, { token: json.access_token, headers: { traceparent: scene.traceparent } })
  scene.answered(answer, `GET catalog /quotes with ${hands} token`)
  return answer.status === 200 && answer.json.items[0].productId === productId
}

attack({
  id: 'S2.5-b',
  strategies: ['S2.5', 'S11.1'],
  kind: 'attack',
  goal: 'use a token that was caught from another instance',
  without: 'check-binding',
  stopped: { code: 'token-not-bound', detection: 'TOKEN-BIND' },
  run: (scene) => quote(scene, 'other'),
  probe: (scene) => quote(scene, 'own'),
})
