/** Reads the narrow token, then verifies it: signature, issuer, type, time (S1.1, S2.4, S12.5). */
import { TokenRequired } from '@shop/chassis/caller.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'
import { TokenInvalid, type TokenVerifier } from './token-verifier.ts'

/** Throws token-required; token-invalid when it is no token at all. */
export const readToken = (): Step<InboundCall> => (call) => {
  const { authorization } = call.request.headers
  if (authorization === undefined) throw TokenRequired({ headers: { 'www-authenticate': 'Bearer' } })
  const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]*)$/.exec(authorization)?.[1]
  const claims = token && claimsOf(token)
  if (!claims) throw TokenInvalid({ evidence: { reason: 'no bearer token in compact form' } })
  call.token = token
  call.claims = claims
}

/** Throws token-invalid, token-expired. */
export const verifyToken = (tokens: TokenVerifier): Step<InboundCall> => async (call) => {
  call.claims = await tokens.verify(call.token, call.peer.thumbprint)
}

function claimsOf(token: string): Record<string, unknown> | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8'))
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? (claims as Record<string, unknown>) : null
  } catch {
    return null
  }
}
