/**
 * What a narrow token says, and the checks that hold wherever one is read (S2.5, S12.5). Signature first, elsewhere.
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-2.2
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-4.1 act
 */
import type { Jws } from './jws.ts'

/** Who presents it, and who presented what it was exchanged for, back to the first hop. */
export type Actor = { sub: string; act?: Actor }

export type NarrowClaims = {
  iss: string
  /** The callee's SPIFFE id. */
  aud: string
  /** A user's id, 'guest:<uuid>', or a workload's SPIFFE id. */
  sub: string
  /** One operationId. */
  scope: string
  role: 'customer' | 'seller' | 'staff' | 'guest' | 'service'
  seller?: string
  /** One id for the whole chain of calls. */
  txn: string
  act: Actor
  cnf: { 'x5t#S256': string }
  /** Seconds since the epoch. */
  iat: number
  exp: number
  jti: string
  /** The release that a session was given. */
  rel?: string
}

export const NARROW_TYP = 'at+jwt'
export const MAX_ACTORS = 8
/** How far another machine's clock may be ahead of ours, seconds. */
export const CLOCK_SKEW_S = 5

export const exchangeIssuer = (trustDomain: string): string => `https://exchange.${trustDomain}`
export const isUserRole = (role: unknown): role is 'customer' | 'seller' | 'staff' => role === 'customer' || role === 'seller' || role === 'staff'
const isRole = (role: unknown) => isUserRole(role) || role === 'guest' || role === 'service'

/** The claims, or why they are not those of a narrow token for `audience` at `now` (seconds). */
export function readNarrowClaims(jws: Jws, expected: { trustDomain: string; audience: string }, now: number): NarrowClaims | string {
  const c = jws.claims as Partial<NarrowClaims>
  if (jws.typ !== NARROW_TYP) return 'typ'
  if (c.iss !== exchangeIssuer(expected.trustDomain)) return 'issuer'
  if (c.aud !== expected.audience) return 'audience'
  const time = checkTimes(jws.claims, now)
  if (time) return time
  const isWhole = isShort(c.sub) && isShort(c.scope) && isRole(c.role) && isShort(c.txn) && isShort(c.jti)
    && (c.seller === undefined || isShort(c.seller)) && (c.rel === undefined || isShort(c.rel)) && typeof c.cnf?.['x5t#S256'] === 'string'
  if (!isWhole) return 'claims'
  return actorsOf(c.act, expected.trustDomain) ? (c as NarrowClaims) : 'actors'
}

/** exp, iat and nbf against `now` in seconds; null when they hold. An end is an end: skew is for beginnings only. */
export function checkTimes(claims: Record<string, unknown>, now: number): string | null {
  const { exp, iat, nbf } = claims
  if (typeof exp !== 'number' || typeof iat !== 'number' || !(nbf === undefined || typeof nbf === 'number')) return 'claims'
  if (!(exp > now)) return 'expired'
  return iat > now + CLOCK_SKEW_S || (nbf ?? iat) > now + CLOCK_SKEW_S ? 'not-yet' : null
}

/** SPIFFE ids from the last presenter to the first; null when one is no mesh workload, or they are too many. */
export function actorsOf(act: unknown, trustDomain: string): string[] | null {
  const ids: string[] = []
  for (let at = act; at !== undefined; at = (at as Actor).act) {
    const sub = (at as Actor | null)?.sub
    if (typeof sub !== 'string' || workloadOf(sub, trustDomain) === null || ids.length >= MAX_ACTORS) return null
    ids.push(sub)
  }
  return ids.length ? ids : null
}

/** 'order' from 'spiffe://shop.test/mesh/order'; null for anything else. */
export function workloadOf(spiffeId: string, trustDomain: string): string | null {
  const start = `spiffe://${trustDomain}/mesh/`
  const name = spiffeId.startsWith(start) ? spiffeId.slice(start.length) : ''
  return /^[a-z][a-z0-9-]{0,62}$/.test(name) ? name : null
}

const isShort = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= 256
