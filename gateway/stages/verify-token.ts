/** Reads the narrow token, then verifies it: signature, issuer, type, time (S1.1, S2.4, S12.5). */
import { TokenRequired } from '@shop/chassis/caller.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Stage } from '../pipeline.ts'
import { readToken, type TokenVerifier } from './token-verifier.ts'

/** Throws token-required, token-invalid. */
export const requireToken = (): Stage<InboundCall> => async (call, next) => {
  const token = /^Bearer ([\w.-]+)$/.exec(call.request.headers.authorization ?? '')?.[1]
  if (!token) throw TokenRequired({ headers: { 'www-authenticate': 'Bearer' } })
  call.token = token
  call.claims = readToken(token).claims
  await next()
}

/** Throws token-invalid, token-expired. */
export const verifyToken = (tokens: TokenVerifier): Stage<InboundCall> => async (call, next) => {
  call.claims = await tokens.verify(call.token, call.peer.thumbprint, call.deadline)
  await next()
}
