/** Lab only: an exchange with one step of the issue done as someone careless would do it (design decision 20). */
import type { TLSSocket } from 'node:tls'
import { parseJws } from '@shop/chassis/jws.ts'
import { createLog } from '@shop/chassis/log.ts'
import { actorsOf } from '@shop/chassis/narrow-claims.ts'
import { steps, type Steps } from '@shop/exchange/api.ts'
import { configSchema } from '@shop/exchange/config.ts'
import { claimsFor } from '@shop/exchange/decide.ts'
import { startExchange } from '@shop/exchange/start.ts'
import { readLabLaunch } from './leave-out.ts'
import { claimedPeer } from './claimed-peer.ts'

/** What is left of each step without its control. */
const careless: Record<string, Partial<Steps>> = {
  // Whoever has a certificate of ours is what its last path segment says.
  'verify-peer': { peerOf: (socket: TLSSocket, trustDomain: string) => claimedPeer(socket, trustDomain) },
  // Everyone may call everyone.
  'pair-policy': { decide: (wanted, caller, structure, now) => claimsFor(wanted, caller, structure, now) },
  // What is asked for is given.
  narrowing: { decide: (wanted, caller, structure, now) => claimsFor(wanted, caller, structure, now) },
  // A token of ours is a token of ours, whoever it was made for.
  'subject-token': {
    async readSubjectToken(token, caller, issuers, now) {
      const audience = parseJws(token)?.claims['aud']
      return steps.readSubjectToken(token, typeof audience === 'string' ? { ...caller, spiffeId: audience } : caller, issuers, now)
    },
  },
  // The actor is who a token says.
  'actor-from-certificate': {
    readTokenRequest(form) {
      const parameters = new URLSearchParams(form)
      const actor = parameters.get('actor_token')
      for (const name of ['actor_token', 'actor_token_type']) parameters.delete(name)
      return { ...steps.readTokenRequest(parameters.toString()), ...(actor && { actor: String(parseJws(actor)?.claims['sub']) }) }
    },
    decide(wanted, caller, structure, now) {
      const { actor } = wanted as typeof wanted & { actor?: string }
      const isActor = actor !== undefined && actorsOf({ sub: actor }, structure.trustDomain)
      return steps.decide(wanted, isActor ? { ...caller, spiffeId: actor, workload: actor.split('/').at(-1)! } : caller, structure, now)
    },
  },
}

const { launch, leftOut } = readLabLaunch(configSchema)
const step = careless[leftOut]
if (!step) throw new Error(`there is no control '${leftOut}' here; there are ${Object.keys(careless).join(', ')}`)
const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
log.warn({ leftOut }, 'a control is left out')
await startExchange(launch, log, { ...steps, ...step })
