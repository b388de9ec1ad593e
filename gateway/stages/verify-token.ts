/** Reads the narrow token, then verifies it: signature, issuer, type, time (S1.1, S2.4, S12.5). */
import { TokenRequired } from '@shop/chassis/caller.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'
import { TokenInvalid, type TokenClaims, type TokenVerifier } from './token-verifier.ts'

const SCHEME = 'Bearer '

/** Throws token-required; token-invalid for another scheme. */
export const readToken = (): Step<InboundCall> => (call) => {
  const { authorization } = call.request.headers
  if (authorization === undefined) throw TokenRequired({ headers: { 'www-authenticate': 'Bearer' } })
  if (!authorization.startsWith(SCHEME)) throw TokenInvalid({ evidence: { reason: 'no bearer token' } })
  call.token = authorization.slice(SCHEME.length)
}

/** Throws token-invalid, token-expired. */
export const verifyToken = (tokens: TokenVerifier): Step<InboundCall> => (call) => {
  const claims = tokens.verify(call.token, call.peer.thumbprint)
  if (claims instanceof Promise) return claims.then((verified) => { call.claims = verified })
  call.claims = claims
}

/** For stages behind them. Where verify-token is left out, what the token says of itself. Throws token-invalid when that is nothing. */
export const claimsOf = (call: InboundCall): TokenClaims => (call.claims ??= unverified(call.token))

function unverified(token: string): TokenClaims {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8'))
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return claims as TokenClaims
  } catch {
    // said below
  }
  throw TokenInvalid({ evidence: { reason: 'no token in compact form' } })
}
