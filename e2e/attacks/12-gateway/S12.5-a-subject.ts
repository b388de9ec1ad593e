// A token about alice that was made for catalog lies in a log that order can read. Order takes it to the exchange as
// if it had been called with it.
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

async function quoteFor(scene: Scene, audience: 'catalog' | 'order'): Promise<boolean> {
  const edge = await scene.insider('edge')
  const scope = audience === 'catalog' ? 'getProduct' : 'getCart'
  const found = (await edge.exchange({ audience, scope, subjectToken: await edge.userToken('alice') })).json.access_token as string
  const answer = await (await scene.insider('order')).exchange({ audience: 'catalog', scope: 'quoteProducts', subjectToken: found, traceparent: scene.traceparent })
  scene.note({ request: `exchange a token for ${audience}`, status: answer.status, error: answer.json?.error, refusal: answer.json?.code })
  if (answer.status !== 200) scene.refused({ traceId: scene.traceId })
  return answer.status === 200
}

attack({
  id: 'S12.5-a-subject',
  strategies: ['S12.5'],
  kind: 'attack',
  goal: 'act for a customer with a token that was made for another service',
  without: 'subject-token',
  stopped: { code: 'subject-audience', detection: 'EXCHANGE-DENY' },
  run: (scene) => quoteFor(scene, 'catalog'),
  probe: (scene) => quoteFor(scene, 'order'),
})
