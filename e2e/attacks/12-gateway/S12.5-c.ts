// The broad token that the edge got from the identity provider goes straight to every micro-gateway, over the edge's
// own connection. Its issuer has no say inside.
import { endpoints } from '../../shop.ts'
import { attack } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'

async function readCart(scene: Scene, token: 'broad' | 'narrow'): Promise<boolean> {
  const edge = await scene.insider('edge')
  const broad = await edge.userToken('alice')
  const shown = token === 'broad' ? broad : (await edge.exchange({ audience: 'order', scope: 'getCart', subjectToken: broad })).json.access_token
  let isRead = false
  for (const { name } of endpoints.processes.filter(({ kind, service }) => kind === 'micro-gateway' && service === 'order')) {
    const { traceparent } = scene.trace()
    const answer = await edge.call(Insider.addressOf(name), 'GET', '/cart', { token: shown, headers: { traceparent } })
    scene.answered(answer, `GET ${name} /cart with the ${token} token`, { control: 'verify-token' })
    isRead ||= answer.status === 200
  }
  return isRead
}

attack({
  id: 'S12.5-c',
  strategies: ['S12.5'],
  kind: 'inherent',
  goal: 'read a cart inside with the token of the outside',
  without: null,
  stopped: { code: 'token-invalid', detection: 'TOKEN-INVALID' },
  run: (scene) => readCart(scene, 'broad'),
  probe: (scene) => readCart(scene, 'narrow'),
})
