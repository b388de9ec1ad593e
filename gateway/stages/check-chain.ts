/**
 * The chain of actors in a token does not come back to us and names nobody twice (S13.1). That its last actor is the
 * peer follows from the binding: `check-binding.ts`.
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-4.1
 */
import { actorsOf } from '@shop/chassis/narrow-claims.ts'
import { problem } from '@shop/chassis/problem.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'
import { claimsOf } from './verify-token.ts'

export const ChainRefused = problem('chain-refused', 508, 'This call came by a way that policy does not allow', 'Call without the detour', 'MESH-DENY')

export const checkChain = (ownId: string, trustDomain: string): Step<InboundCall> => (call) => {
  const chain = actorsOf(claimsOf(call)['act'], trustDomain)
  if (!chain) throw ChainRefused({ evidence: { reason: 'actors are missing, malformed or too many' } })
  if (chain.includes(ownId) || chain.some((id, i) => chain.indexOf(id) !== i)) throw ChainRefused({ evidence: { reason: 'the chain is a loop' } })
}
