/** A token is good for one operation (S2.5). */
import { problem } from '@shop/chassis/problem.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'
import { operationOf } from './find-operation.ts'
import { claimsOf } from './verify-token.ts'

export const ScopeInsufficient = problem('scope-insufficient', 403, 'The token is for another operation', 'Ask the exchange for a token for this one', 'TOKEN-INVALID')

export const checkScope = (): Step<InboundCall> => (call) => {
  const { id } = operationOf(call)
  if (claimsOf(call)['scope'] !== id) throw ScopeInsufficient({ evidence: { reason: `scope is ${String(claimsOf(call)['scope']).slice(0, 128)}, operation ${id}` } })
}
