/**
 * Verifies narrow tokens: signature, issuer, type and time. Results are kept for as long as the token lives, for the
 * whole token and the peer that presented it.
 *
 * The token itself is the key. A digest would only keep its text out of our memory, where it is good for a minute at
 * most and worth nothing without its peer's private key; it costs a request more than all other checks of the token. A
 * Map compares texts only where their hashes are equal, and those are made with a secret of this process.
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-4 and https://www.rfc-editor.org/rfc/rfc8725#section-3
 */
import type { Jwks } from '@shop/chassis/jwks.ts'
import { isSignedBy, parseJws } from '@shop/chassis/jws.ts'
import { makeRoom } from '@shop/chassis/make-room.ts'
import { CLOCK_SKEW_S, NARROW_TYP } from '@shop/chassis/narrow-claims.ts'
import { problem } from '@shop/chassis/problem.ts'

export const TokenInvalid = problem('token-invalid', 401, 'The token is not one of ours', 'Ask the exchange for one', 'TOKEN-INVALID')
export const TokenExpired = problem('token-expired', 401, 'The token is not valid at this time', 'Ask for a new one', 'TOKEN-INVALID')

export type TokenClaims = Record<string, unknown>
/** At once when it was verified before. */
export type TokenVerifier = { verify(token: string, thumbprint: string): TokenClaims | Promise<TokenClaims> }

/** The longest life that the exchange gives, seconds. */
const LIFETIME_S = 60

/** `wall` is Unix time in ms. Throws token-invalid, token-expired; unavailable when the exchange's keys were never fetched. */
export function createTokenVerifier({ issuer, keys, wall, capacity = 10_000 }: { issuer: string; keys: Jwks; wall: () => number; capacity?: number }): TokenVerifier {
  const verified = new Map<string, { claims: TokenClaims; exp: number; kid: string; thumbprint: string }>()

  async function verifyAnew(token: string, thumbprint: string, now: number): Promise<TokenClaims> {
    const jws = parseJws(token)
    if (!jws || jws.typ !== NARROW_TYP) throw TokenInvalid({ evidence: { reason: 'no ES256 access token' } })
    if (jws.claims['iss'] !== issuer) throw TokenInvalid({ evidence: { reason: 'issuer' } })
    const publicKey = await keys.key(jws.kid)
    if (!publicKey || !isSignedBy(jws, publicKey)) throw TokenInvalid({ evidence: { reason: publicKey ? 'signature' : 'unknown key' } })
    const fault = timeFault(jws.claims, now)
    if (fault) throw TokenExpired({ evidence: { reason: fault } })
    letGo(now)
    makeRoom(verified, capacity)
    verified.set(token, { claims: jws.claims, exp: jws.claims['exp'] as number, kid: jws.kid, thumbprint })
    return jws.claims
  }

  /** Lets go of what ran out, once a second: a Map steps over all that was deleted before it finds its first. */
  let lookAgainAt = 0
  function letGo(now: number): void {
    if (now < lookAgainAt) return
    lookAgainAt = now + 1
    for (const [token, { exp }] of verified) {
      if (now < exp) return
      verified.delete(token)
    }
  }

  return {
    verify(token, thumbprint) {
      const now = wall() / 1000
      const known = verified.get(token)
      if (known?.thumbprint === thumbprint) {
        // A key that was withdrawn takes its tokens with it.
        if (now < known.exp && !(keys.key(known.kid) instanceof Promise)) return known.claims
        verified.delete(token)
      }
      return verifyAnew(token, thumbprint, now)
    },
  }
}

/** What is wrong with the token's times at `now` (seconds), or null. Whole seconds, and no longer life than the exchange gives. */
export function timeFault({ exp, iat, nbf }: TokenClaims, now: number): string | null {
  const isTime = (t: unknown): t is number => typeof t === 'number' && Number.isSafeInteger(t) && t > 0
  if (!isTime(exp) || !isTime(iat) || (nbf !== undefined && !isTime(nbf))) return 'no usable times'
  if (exp - iat > LIFETIME_S) return 'lives too long'
  if (now >= exp) return 'ran out'
  return iat > now + CLOCK_SKEW_S || ((nbf as number | undefined) ?? iat) > now + CLOCK_SKEW_S ? 'not yet valid' : null
}
