// A token of the inside leaked. Whoever has it tries it at each door, in every form a client may send one. A door that
// ignores it answers as if nothing had happened, and nobody learns of the leak.
import { readFileSync } from 'node:fs'
import { Agent, fetch } from 'undici'
import { ca, endpoints } from '../../shop.ts'
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

async function tryDoors(scene: Scene, isLeaked: boolean): Promise<boolean> {
  const edge = await scene.insider('edge')
  const token = (await edge.exchange({ audience: 'order', scope: 'getCart', subjectToken: await edge.userToken('alice') })).json.access_token as string
  const [partner] = endpoints.partner.clients
  const agent = new Agent({ localAddress: scene.visitor().address, connect: { ca, cert: readFileSync(partner!.certificate), key: readFileSync(partner!.privateKey), family: 4 } })
  let isIgnored = false
  try {
    for (const [door, origin] of [['web', endpoints.web.url], ['mobile', endpoints.mobile.url], ['partner', endpoints.partner.url]] as const)
      for (const shown of isLeaked ? [`Bearer ${token}`, `bearer ${token}`, `DPoP ${token}`] : [undefined]) {
        const response = await fetch(new URL('/api/products?pageSize=1', origin), { dispatcher: agent, headers: { ...(shown && { authorization: shown }), ...(door === 'partner' && { 'api-key': partner!.apiKey }) } })
        const json = await response.json() as any
        scene.answered({ status: response.status, json }, `GET ${door} /api/products ${shown ? 'with the token' : 'without'}`)
        isIgnored ||= response.status === 200
      }
  } finally {
    await agent.close()
  }
  return isIgnored
}

attack({
  id: 'S10.3-c',
  strategies: ['S10.3'],
  kind: 'attack',
  goal: 'try out a leaked internal token at the doors without anybody noticing',
  without: 'refuse-tokens',
  stopped: { code: 'token-not-accepted', detection: 'TOKEN-INVALID' },
  run: (scene) => tryDoors(scene, true),
  probe: (scene) => tryDoors(scene, false),
})
