/**
 * One-time secrets, known by their hash alone: whoever holds one is the process that the supervisor just started.
 * They live in memory and for minutes; a restart forgets them and their processes are started again.
 */
import { createHash } from 'node:crypto'
import type { CertificateKind } from '@shop/chassis/identity.ts'
import { problem } from '@shop/chassis/problem.ts'

export const EnrolmentRefused = problem('enrolment-refused', 403, 'This secret does not enrol anyone', 'Start the process through its supervisor', 'TOKEN-INVALID')
export const EnrolmentUsed = problem('enrolment-used', 403, 'This secret was used already', 'Start the process through its supervisor', 'TOKEN-REPLAY')
export const RegistrationsFull = problem('registrations-full', 429, 'Too many started processes have yet to enrol', 'Wait as Retry-After says, then start the process again', 'OVERLOAD')

export type Registration = { workload: string; certificates: CertificateKind[]; process: string }

const LIFE_MS = 5 * 60_000
const MAX = 1_000

export type Registrations = {
  /** `secretHash`: SHA-256 of the secret's UTF-8 bytes, base64url. Throws registrations-full when too many are remembered. */
  register(secretHash: string, registration: Registration, nowMs: number): void
  /** Spends the secret, whatever comes after. Throws enrolment-refused, enrolment-used. */
  redeem(secret: string, nowMs: number): Registration
}

export function createRegistrations(): Registrations {
  // Looked up by hash: how long that takes says nothing about a secret that one does not have.
  const known = new Map<string, { registration: Registration | null; untilMs: number }>()
  const forget = (nowMs: number) => {
    for (const [hash, { untilMs }] of known) if (untilMs <= nowMs) known.delete(hash)
  }
  const secondsUntilOneGoes = (nowMs: number) => Math.ceil((Math.min(...known.values().map(({ untilMs }) => untilMs)) - nowMs) / 1_000)
  return {
    register(secretHash, registration, nowMs) {
      forget(nowMs)
      if (known.size >= MAX) throw RegistrationsFull({ headers: { 'retry-after': String(secondsUntilOneGoes(nowMs)) } })
      known.set(secretHash, { registration, untilMs: nowMs + LIFE_MS })
    },
    redeem(secret, nowMs) {
      forget(nowMs)
      const found = known.get(createHash('sha256').update(secret).digest('base64url'))
      if (!found) throw EnrolmentRefused()
      if (!found.registration) throw EnrolmentUsed()
      const { registration } = found
      found.registration = null
      found.untilMs = nowMs + LIFE_MS
      return registration
    },
  }
}
