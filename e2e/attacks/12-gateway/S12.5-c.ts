// The broad token that the edge got from the identity provider goes straight to every micro-gateway, over the edge's
// own connection. Its issuer has no say inside.
import { endpoints } from '../../shop.ts'
import { attack } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'

async function readProfile(scene: Scene, token: 'broad' | 'narrow'): Promise<boolean> {
  const edge = await scene.insider('edge')
  const broad = await edge.userToken('alice')
  const shown = token === 'broad' ? broad : (await edge.exchange({ audience: 'order', scope: 'getProfile', subjectToken: broad })).json.access_token
  let isRead = false
  for (const { name } of endpoints.processes.filter(({ kind, service }) => kind === 'micro-gateway' && service === 'order')) {
    const { traceparent } = scene.trace()
    const answer = await edge.call(Insider.addressOf(name), 'GET', '/profile', { token: shown, headers: { traceparent } })
    scene.answered(answer, `GET ${name} /profile with the ${token} token`)
    isRead ||= answer.status === 200 && typeof answer.json.name === 'string'
  }
  return isRead
}

attack({
  id: 'S12.5-c',
  strategies: ['S12.5'],
  kind: 'attack',
  goal: 'read a name and an address inside with the token of the outside',
  without: 'verify-token',
  stopped: { code: 'token-invalid', detection: 'TOKEN-INVALID' },
  run: (scene) => readProfile(scene, 'broad'),
  probe: (scene) => readProfile(scene, 'narrow'),
})
