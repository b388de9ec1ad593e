// A token that the edge got to look at alice's cart is used to read her name and address. Right audience, right hands:
// nothing but the operation is wrong.
import { attack } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'

async function readProfile(scene: Scene, scope: 'getCart' | 'getProfile'): Promise<boolean> {
  const edge = await scene.insider('edge')
  const { json } = await edge.exchange({ audience: 'order', scope, subjectToken: await edge.userToken('alice') })
  const answer = await edge.call(Insider.addressOf('order-1-gateway'), 'GET', '/profile', { token: json.access_token, headers: { traceparent: scene.traceparent } })
  scene.answered(answer, `GET order /profile with a token for ${scope}`)
  return answer.status === 200 && typeof answer.json.name === 'string'
}

attack({
  id: 'S2.5-a-scope',
  strategies: ['S2.5'],
  kind: 'attack',
  goal: 'read a name and an address with a token that was issued to look at a cart',
  without: 'check-scope',
  stopped: { code: 'scope-insufficient', detection: 'TOKEN-INVALID' },
  run: (scene) => readProfile(scene, 'getCart'),
  probe: (scene) => readProfile(scene, 'getProfile'),
})
