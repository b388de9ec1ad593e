/**
 * What a caller gets for what it asks, apart from keys, clocks and the network (S2.5, S12.5).
 *
 * A token is only ever narrowed: one callee, one operation, no longer life, the same subject. The actor is the mTLS
 * caller and never what a token or a parameter says.
 */
import { exchangeIssuer, MAX_ACTORS, type Actor, type NarrowClaims } from '@shop/chassis/narrow-claims.ts'
import type { Config } from './config.ts'
import { Refusal } from './refusal.ts'

export type CallerPeer = { spiffeId: string; workload: string; thumbprint: string }

/** Who the token is about. `chain`: who presented the subject token and those before it, last first. */
export type TokenSubject =
  | { kind: 'user'; sub: string; role: 'customer' | 'seller' | 'staff'; seller?: string; exp: number; chain: string[]; txn?: string; rel?: string }
  | { kind: 'guest'; sub: string; exp: number; chain: string[]; txn?: string; rel?: string }
  /** A workload: the caller itself (no `exp`), or one before it in the chain. */
  | { kind: 'service'; sub: string; exp: number; chain: string[]; txn?: string; rel?: string }

export type Wanted = { audience: string; scope: string; subject: TokenSubject }
export type Structure = Pick<Config, 'services' | 'lifetimeSeconds'> & { trustDomain: string }
/** All of a narrow token but what chance and the clock give it. */
export type Narrow = Omit<NarrowClaims, 'jti' | 'txn'> & { txn?: string }

/** `now` in whole seconds. Throws a refusal. Access is asked afterwards: structure is cheap to check. */
export function decide({ audience, scope, subject }: Wanted, caller: CallerPeer, structure: Structure, now: number): Narrow {
  const service = own(structure.services, audience)
  const allowed = service && own(service.callers, caller.workload)
  if (!service || !allowed) throw new Refusal('invalid_target', 'target-not-allowed', `${caller.workload} does not call this service`)
  const operation = service.operations.find(({ id }) => id === scope)
  if (!operation || !allowed.includes(scope)) throw new Refusal('invalid_scope', 'operation-not-allowed', `${caller.workload} does not call this operation`)
  if (!operation.subjects.includes(subject.kind)) throw new Refusal('access_denied', 'subject-not-allowed', `This operation is not for a ${subject.kind}`)
  if (subject.chain.includes(caller.spiffeId)) throw new Refusal('invalid_grant', 'actor-loop', 'The caller stands in the chain of actors already')
  if (subject.chain.length >= MAX_ACTORS) throw new Refusal('invalid_grant', 'actor-chain', `A chain has at most ${MAX_ACTORS} actors`)
  if (Math.floor(subject.exp) <= now) throw new Refusal('invalid_grant', 'subject-expired', 'The subject token has no life left')
  return claimsFor({ audience, scope, subject }, caller, structure, now)
}

/** The claims of what was decided. */
export function claimsFor({ audience, scope, subject }: Wanted, caller: CallerPeer, structure: Structure, now: number): Narrow {
  return {
    iss: exchangeIssuer(structure.trustDomain),
    aud: `spiffe://${structure.trustDomain}/mesh/${audience}`,
    sub: subject.sub,
    scope,
    role: subject.kind === 'user' ? subject.role : subject.kind,
    ...(subject.kind === 'user' && subject.seller !== undefined && { seller: subject.seller }),
    ...(subject.txn !== undefined && { txn: subject.txn }),
    ...(subject.rel !== undefined && { rel: subject.rel }),
    act: nest([caller.spiffeId, ...subject.chain]),
    cnf: { 'x5t#S256': caller.thumbprint },
    iat: now,
    exp: Math.min(now + structure.lifetimeSeconds, Math.floor(subject.exp)),
  }
}

/** The subject when there is no token: a visitor, whom only the edge may name, or the caller itself. */
export function ownSubject(caller: CallerPeer, guest: string | undefined): TokenSubject {
  if (guest === undefined) return { kind: 'service', sub: caller.spiffeId, exp: Infinity, chain: [] }
  if (caller.workload !== 'edge') throw new Refusal('access_denied', 'guest-not-allowed', 'Only the edge speaks for guests')
  return { kind: 'guest', sub: `guest:${guest}`, exp: Infinity, chain: [] }
}

const nest = ([sub, ...before]: string[]): Actor => ({ sub: sub!, ...(before.length && { act: nest(before) }) })

/** Own keys alone: 'constructor' is no service. */
const own = <T>(record: Record<string, T>, key: string): T | undefined => (Object.hasOwn(record, key) ? record[key] : undefined)
