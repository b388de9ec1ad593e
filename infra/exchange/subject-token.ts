/**
 * Whom a subject token is about. Two issuers are believed: identity for users, and ourselves. The issuer chooses the
 * keys, then `kid` one among them; nothing else in the token chooses anything (S1.2, S12.5).
 */
import type { KeyObject } from 'node:crypto'
import type { Jwks } from '@shop/chassis/jwks.ts'
import { isSignedBy, parseJws, type Jws } from '@shop/chassis/jws.ts'
import { actorsOf, checkTimes, exchangeIssuer, isUserRole, NARROW_TYP, readNarrowClaims } from '@shop/chassis/narrow-claims.ts'
import type { CallerPeer, TokenSubject } from './decide.ts'
import { Refusal } from './refusal.ts'

export type Issuers = { identityIssuer: string; identityKeys: Jwks; ownKeys: Jwks; trustDomain: string }

/** Throws a refusal: invalid_grant, or temporarily_unavailable when identity's keys cannot be fetched. `now` in seconds. */
export async function readSubjectToken(token: string, caller: CallerPeer, issuers: Issuers, now: number): Promise<TokenSubject> {
  const jws = parseJws(token)
  if (!jws) throw refused('malformed')
  const isOwn = jws.claims['iss'] === exchangeIssuer(issuers.trustDomain)
  if (!isOwn && jws.claims['iss'] !== issuers.identityIssuer) throw refused('issuer')
  // Claims first: they cost nothing, a signature does.
  const subject = isOwn ? readOwn(jws, caller, issuers.trustDomain, now) : readUser(jws, caller, now)
  let key: KeyObject | undefined
  try {
    key = await (isOwn ? issuers.ownKeys : issuers.identityKeys).key(jws.kid)
  } catch (cause) {
    throw new Refusal('temporarily_unavailable', 'issuer-unavailable', 'The keys of the token\'s issuer cannot be fetched', cause)
  }
  if (!key || !isSignedBy(jws, key)) throw refused('signature')
  return subject
}

function readOwn(jws: Jws, caller: CallerPeer, trustDomain: string, now: number): TokenSubject {
  const claims = readNarrowClaims(jws, { trustDomain, audience: caller.spiffeId }, now)
  if (typeof claims === 'string') throw refused(claims)
  const { sub, exp, txn, rel, role, seller } = claims
  const kept = { sub, exp, txn, ...(rel !== undefined && { rel }), chain: actorsOf(claims.act, trustDomain)! }
  return isUserRole(role) ? { kind: 'user', role, ...(seller !== undefined && { seller }), ...kept } : { kind: role, ...kept }
}

/** RFC 9068 with one audience: the caller. A user's own token has no actors. */
function readUser({ typ, claims }: Jws, caller: CallerPeer, now: number): TokenSubject {
  if (typ !== NARROW_TYP) throw refused('typ')
  const { aud, sub, role, seller, exp } = claims
  if ((Array.isArray(aud) && aud.length === 1 ? aud[0] : aud) !== caller.spiffeId) throw refused('audience')
  const time = checkTimes(claims, now)
  if (time) throw refused(time)
  if ('act' in claims || 'may_act' in claims) throw refused('actors')
  if (typeof sub !== 'string' || sub === '' || sub.length > 128 || sub.includes(':') || !isUserRole(role) || !(seller === undefined || (typeof seller === 'string' && seller.length <= 128))) throw refused('claims')
  return { kind: 'user', sub, role, ...(seller !== undefined && { seller: seller as string }), exp: exp as number, chain: [] }
}

const refused = (why: string) => new Refusal('invalid_grant', `subject-${why}`, 'The subject token is not valid for this caller')
