// Whoever owns shipping sees a token about alice, good for her parcel, and asks the exchange for more with it: the
// invoice, her address, orders in her name, a longer life, another kind of token.
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

type Wish = Record<string, string>

/** More than shipping may have, each with the code of its refusal; what is no request at all is refused before it is asked what may be narrowed. */
const UPWARD: [wish: Wish, code: string][] = [
  [{ audience: 'billing', scope: 'findByOrder' }, 'target-not-allowed'], [{ audience: 'order', scope: 'getProfile' }, 'target-not-allowed'], [{ audience: 'order', scope: 'placeOrder' }, 'target-not-allowed'], [{ audience: 'shipping', scope: 'createShipment' }, 'target-not-allowed'],
  [{ audience: 'order billing', scope: 'getProfile' }, 'audience'], [{ audience: 'order', scope: 'getProfile placeOrder' }, 'scope'], [{ audience: 'order', scope: '*' }, 'scope'], [{ audience: '*', scope: 'getProfile' }, 'audience'],
  [{ audience: 'spiffe://lantern.test/mesh/order', scope: 'getProfile' }, 'audience'], [{ audience: 'constructor', scope: 'toString' }, 'target-not-allowed'], [{ audience: 'order', scope: 'getProfile', resource: 'https://order' }, 'resource'],
  [{ audience: 'order', scope: 'getProfile', requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 'requested-token-type'], [{ audience: 'order', scope: 'getProfile', expires_in: '86400' }, 'parameter-unexpected'],
]

async function ask(scene: Scene, workload: 'shipping' | 'edge', wishes: [wish: Wish, code?: string][]): Promise<boolean> {
  const edge = await scene.insider('edge')
  const userToken = await edge.userToken('alice')
  const caught = (await edge.exchange({ audience: 'shipping', scope: 'findByOrder', subjectToken: userToken })).json.access_token as string
  const caller = await scene.insider(workload)
  let isGiven = false
  for (const [wish, code] of wishes) {
    const { traceId, traceparent } = scene.trace()
    const form = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: workload === 'edge' ? userToken : caught, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', ...wish })
    const answer = await caller.form('/token', form.toString(), traceparent)
    scene.note({ request: `exchange ${JSON.stringify(wish)}`, status: answer.status, error: answer.json?.error, refusal: answer.json?.code })
    if (answer.status === 200) isGiven = true
    else scene.refused({ traceId, code })
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
  probe: (scene) => ask(scene, 'edge', [[{ audience: 'order', scope: 'getProfile' }]]),
})
