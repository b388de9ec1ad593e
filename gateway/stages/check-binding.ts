/**
 * A token is good in one pair of hands: the connection it comes over must show the certificate it names (S2.5, S11.1).
 * @see https://www.rfc-editor.org/rfc/rfc8705#section-3
 */
import { problem } from '@shop/chassis/problem.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'
import { claimsOf } from './verify-token.ts'

export const TokenNotBound = problem('token-not-bound', 401, 'The token belongs to someone else', 'Present it with the certificate that fetched it', 'TOKEN-BIND')

export const checkBinding = (): Step<InboundCall> => (call) => {
  const bound = (claimsOf(call)['cnf'] as Record<string, unknown> | undefined)?.['x5t#S256']
  if (typeof bound !== 'string' || bound !== call.peer.thumbprint) throw TokenNotBound({ evidence: { reason: bound ? 'bound to another certificate' : 'not bound' } })
}
