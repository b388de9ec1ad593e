/**
 * The chain of actors in a token is short, ends at the peer and does not come back to us (S13.1).
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-4.1
 */
import { problem } from '@shop/chassis/problem.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Stage } from '../pipeline.ts'

export const ChainRefused = problem('chain-refused', 508, 'This call came by a way that policy does not allow', 'Call without the detour', 'MESH-DENY')

const DEPTH = 6

/** SPIFFE ids from the present actor back to the first; null when the claim is malformed or too deep. */
export function actorChain(act: unknown): string[] | null {
  const chain: string[] = []
  for (let at = act; at !== undefined; at = (at as { act?: unknown }).act) {
    const sub = typeof at === 'object' && at !== null ? (at as { sub?: unknown }).sub : undefined
    if (typeof sub !== 'string' || chain.length === DEPTH) return null
    chain.push(sub)
  }
  return chain
}

export const checkChain = (ownId: string): Stage<InboundCall> => async (call, next) => {
  const chain = actorChain(call.claims.act)
  if (!chain) throw ChainRefused({ evidence: { reason: `actors are malformed or more than ${DEPTH}` } })
  if (chain[0] !== call.peer.spiffeId) throw ChainRefused({ evidence: { reason: 'the last actor is not the peer' } })
  if (chain.includes(ownId) || new Set(chain).size !== chain.length) throw ChainRefused({ evidence: { reason: 'the chain is a loop' } })
  await next()
}
