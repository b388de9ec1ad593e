/**
 * Verifies narrow tokens: signature, issuer, type and time. Results are kept for as long as the token lives, under a
 * key that holds the whole token and the peer that presented it.
 *
 * Signatures are verified by node:crypto with a kept key: half the cost of a general JWT library on the hot path.
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-4 and https://www.rfc-editor.org/rfc/rfc8725#section-3
 */
import { hash, verify, type KeyObject } from 'node:crypto'
import { parseJsonStrictly } from '@shop/chassis/operation.ts'
import { problem } from '@shop/chassis/problem.ts'

export const TokenInvalid = problem('token-invalid', 401, 'The token is not one of ours', 'Ask the exchange for one', 'TOKEN-INVALID')
export const TokenExpired = problem('token-expired', 401, 'The token is not valid at this time', 'Ask for a new one', 'TOKEN-INVALID')

export type TokenClaims = {
  iss?: unknown; aud?: unknown; sub?: unknown; scope?: unknown; role?: unknown; txn?: unknown; jti?: unknown
  exp?: unknown; iat?: unknown; nbf?: unknown; act?: unknown; cnf?: unknown
}
export type ReadToken = { header: Record<string, unknown>; claims: TokenClaims; signed: string; signature: Buffer }

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Takes a compact JWS apart. Throws token-invalid unless it has three parts, two of them JSON objects without duplicate keys. */
export function readToken(token: string): ReadToken {
  const parts = token.split('.')
  if (token.length > 8_192 || parts.length !== 3 || !parts.every((p) => /^[\w-]+$/.test(p))) throw TokenInvalid({ evidence: { reason: 'no compact JWS' } })
  try {
    const [header, claims] = parts.slice(0, 2).map((p) => parseJsonStrictly(Buffer.from(p, 'base64url')))
    if (isObject(header) && isObject(claims)) return { header, claims, signed: `${parts[0]}.${parts[1]}`, signature: Buffer.from(parts[2]!, 'base64url') }
  } catch (cause) {
    throw TokenInvalid({ evidence: { reason: 'parts are no strict JSON' }, cause })
  }
  throw TokenInvalid({ evidence: { reason: 'parts are no objects' } })
}

/** A fetched set of public keys. `get` may fetch again for an unknown id, seldom. */
export type KeySource = { get(kid: string, deadline: number): Promise<KeyObject | undefined>; has(kid: string): boolean }
export type TokenVerifier = { verify(token: string, thumbprint: string, deadline: number): Promise<TokenClaims> }

/** Longest life the exchange gives, and how far its clock may be ahead of ours, seconds. */
const LIFETIME = 60
const SKEW = 2

export function createTokenVerifier({ issuer, keys, wall, capacity = 10_000 }: { issuer: string; keys: KeySource; wall: () => number; capacity?: number }): TokenVerifier {
  const verified = new Map<string, { claims: TokenClaims; exp: number; kid: string }>()
  return {
    async verify(token, thumbprint, deadline) {
      const now = wall() / 1000
      const key = `${hash('sha256', token, 'base64url')}.${thumbprint}`
      const known = verified.get(key)
      if (known) {
        if (now < known.exp && keys.has(known.kid)) return known.claims
        verified.delete(key)
      }
      const { header, claims, signed, signature } = readToken(token)
      // Only these three: no jwk, jku, x5u, x5c, crit or b64 can speak for the key or the encoding.
      if (header['alg'] !== 'ES256' || header['typ'] !== 'at+jwt' || typeof header['kid'] !== 'string' || Object.keys(header).length !== 3)
        throw TokenInvalid({ evidence: { reason: 'header is not alg ES256, typ at+jwt, kid alone' } })
      const publicKey = await keys.get(header['kid'], deadline)
      if (!publicKey || signature.length !== 64 || !verify('sha256', Buffer.from(signed), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
        throw TokenInvalid({ evidence: { reason: publicKey ? 'signature' : 'unknown key' } })
      if (claims.iss !== issuer) throw TokenInvalid({ evidence: { reason: 'issuer' } })
      const fault = timeFault(claims, now)
      if (fault) throw TokenExpired({ evidence: { reason: fault } })
      const oldest = verified.size >= capacity && verified.keys().next().value
      if (oldest) verified.delete(oldest)
      verified.set(key, { claims, exp: claims.exp as number, kid: header['kid'] })
      return claims
    },
  }
}

/** What is wrong with the token's times at `now` (seconds), or null. */
export function timeFault({ exp, iat, nbf }: TokenClaims, now: number): string | null {
  const isTime = (t: unknown): t is number => typeof t === 'number' && Number.isSafeInteger(t) && t > 0
  if (!isTime(exp) || !isTime(iat) || (nbf !== undefined && !isTime(nbf))) return 'no usable times'
  if (exp - iat > LIFETIME) return 'lives too long'
  if (now >= exp) return 'ran out'
  return iat > now + SKEW || (nbf ?? iat) > now + SKEW ? 'not yet valid' : null
}
