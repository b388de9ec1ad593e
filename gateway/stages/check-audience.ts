/** A token is good at one service (S2.5). @see https://www.rfc-editor.org/rfc/rfc9068#section-4 */
import { problem } from '@shop/chassis/problem.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'
import { claimsOf } from './verify-token.ts'

export const AudienceMismatch = problem('audience-mismatch', 401, 'The token is for another service', 'Ask the exchange for a token for this one', 'TOKEN-INVALID')

/** `audience` is our SPIFFE id; a list of audiences is none. */
export const checkAudience = (audience: string): Step<InboundCall> => (call) => {
  if (claimsOf(call)['aud'] !== audience) throw AudienceMismatch({ evidence: { reason: `aud is ${String(claimsOf(call)['aud']).slice(0, 128)}` } })
}
