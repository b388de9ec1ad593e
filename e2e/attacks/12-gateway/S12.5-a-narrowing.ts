// Whoever owns shipping sees a token about alice, good for her parcel, and asks the exchange for more with it: the
// invoice, her address, orders in her name, a longer life, another kind of token.
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

const UPWARD: Record<string, string>[] = [
  { audience: 'billing', scope: 'findByOrder' }, { audience: 'order', scope: 'getProfile' }, { audience: 'order', scope: 'placeOrder' }, { audience: 'shipping', scope: 'createShipment' },
  { audience: 'order billing', scope: 'getProfile' }, { audience: 'order', scope: 'getProfile placeOrder' }, { audience: 'order', scope: '*' }, { audience: '*', scope: 'getProfile' },
  { audience: 'spiffe://lantern.test/mesh/order', scope: 'getProfile' }, { audience: 'constructor', scope: 'toString' }, { audience: 'order', scope: 'getProfile', resource: 'https://order' },
  { audience: 'order', scope: 'getProfile', requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, { audience: 'order', scope: 'getProfile', expires_in: '86400' },
]

async function ask(scene: Scene, workload: 'shipping' | 'edge', wishes: Record<string, string>[]): Promise<boolean> {
  const edge = await scene.insider('edge')
  const userToken = await edge.userToken('alice')
  const caught = (await edge.exchange({ audience: 'shipping', scope: 'findByOrder', subjectToken: userToken })).json.access_token as string
  const caller = await scene.insider(workload)
  let isGiven = false
  for (const wish of wishes) {
    const { traceId, traceparent } = scene.trace()
    const form = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: workload === 'edge' ? userToken : caught, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', ...wish })
    const answer = await caller.form('/token', form.toString(), traceparent)
    scene.note({ request: `exchange ${JSON.stringify(wish)}`, status: answer.status, error: answer.json?.error, refusal: answer.json?.code })
    if (answer.status === 200) isGiven = true
    // What is no request at all is refused before it is asked what may be narrowed.
    else scene.refused({ traceId, code: answer.json.code, detection: 'EXCHANGE-DENY' })
  }
  return isGiven
}

attack({
  id: 'S12.5-a-narrowing',
  strategies: ['S12.5', 'S2.5'],
  kind: 'attack',
  goal: 'get a token for more than the one that shipping was called with',
  without: 'narrowing',
  stopped: { code: 'target-not-allowed', detection: 'EXCHANGE-DENY' },
  run: (scene) => ask(scene, 'shipping', UPWARD),
  probe: (scene) => ask(scene, 'edge', [{ audience: 'order', scope: 'getProfile' }]),
})
