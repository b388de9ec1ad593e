// Shipping sees a token about alice and wants to go on to catalog in her name. Catalog listens to order, not to
// shipping, so shipping says that it is order who acts: it brings what it calls order's token, as the actor.
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const GRANT = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', audience: 'catalog', scope: 'quoteProducts' }

async function askAs(scene: Scene, workload: 'shipping' | 'order'): Promise<boolean> {
  const edge = await scene.insider('edge')
  const userToken = await edge.userToken('alice')
  const [audience, scope] = workload === 'order' ? ['order', 'getCart'] : ['shipping', 'findByOrder']
  const caught = (await edge.exchange({ audience: audience!, scope: scope!, subjectToken: userToken })).json.access_token as string
  const actor = { sub: edge.spiffeId.replace(/[^/]+$/, 'order') }
  const signed = (typ: string, claims: object) => `${part({ alg: 'ES256', typ, kid: 'k' })}.${part(claims)}.${Buffer.alloc(64, 1).toString('base64url')}`
  const actors = workload === 'order' ? [undefined] : [signed('at+jwt', actor), signed('JWT', { ...actor, act: { ...actor, act: actor } }), signed('at+jwt', { ...actor, may_act: { sub: edge.spiffeId.replace(/[^/]+$/, 'shipping') } })]
  const caller = await scene.insider(workload)
  let isGiven = false
  for (const token of actors) {
    const { traceId, traceparent } = scene.trace()
    const form = new URLSearchParams({ ...GRANT, subject_token: caught, ...(token && { actor_token: token, actor_token_type: GRANT.subject_token_type }) })
    const answer = await caller.form('/token', form.toString(), traceparent)
    scene.note({ request: `exchange for catalog.quoteProducts as ${workload}`, status: answer.status, error: answer.json?.error, refusal: answer.json?.code })
    if (answer.status !== 200) scene.refused({ traceId })
    isGiven ||= answer.status === 200
  }
  return isGiven
}

attack({
  id: 'S12.5-b',
  strategies: ['S12.5'],
  kind: 'attack',
  goal: 'go on in a customer\'s name where shipping may not, by naming another service as the actor',
  without: 'actor-from-certificate',
  stopped: { code: 'actor-token', detection: 'EXCHANGE-DENY' },
  run: (scene) => askAs(scene, 'shipping'),
  probe: (scene) => askAs(scene, 'order'),
})
