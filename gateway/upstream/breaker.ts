/**
 * When to stop asking someone who keeps failing, and when to try again (S6.1). Pure: fed with outcomes and time.
 *
 * Names say what traffic sees, because "open" means opposite things to engineers and electricians:
 * admitting (all pass) → ejected (none pass) → probing (one at a time) → admitting, or ejected again for longer.
 */
export type BreakerRules = {
  /** So many failures in a row eject. */
  consecutiveFailures: number
  /** Or this share of failures in the window, when it holds at least `minimumCalls`. */
  failureShare: number
  minimumCalls: number
  windowMs: number
  /** First ejection; it doubles each time, up to the maximum. */
  ejectionMs: number
  maximumEjectionMs: number
  /** Successes in a row that end probing. */
  probes: number
}

export const defaultRules: BreakerRules = { consecutiveFailures: 5, failureShare: 0.5, minimumCalls: 20, windowMs: 10_000, ejectionMs: 1_000, maximumEjectionMs: 8_000, probes: 2 }

export type Breaker = {
  status: 'admitting' | 'ejected' | 'probing'
  consecutive: number
  /** The present window and the one before it. */
  calls: number; failures: number; windowStart: number
  previousCalls: number; previousFailures: number
  ejections: number
  until: number
  probesLeft: number
  /** A probe is under way since then; -Infinity: none. */
  probeSince: number
}

export const newBreaker = (now: number): Breaker =>
  ({ status: 'admitting', consecutive: 0, calls: 0, failures: 0, windowStart: now, previousCalls: 0, previousFailures: 0, ejections: 0, until: 0, probesLeft: 0, probeSince: -Infinity })

/** A probe that never reported back holds nobody up for longer. */
const PROBE_LOST_MS = 10_000

/** May a call pass at `now`? Changes nothing. */
export function admits(b: Breaker, now: number): boolean {
  if (b.status === 'admitting') return true
  return now >= b.until && now - b.probeSince > PROBE_LOST_MS
}

/** A call that was admitted starts. */
export function started(b: Breaker, now: number, rules: BreakerRules): Breaker {
  if (b.status === 'admitting') return b
  return { ...b, status: 'probing', probesLeft: b.status === 'probing' ? b.probesLeft : rules.probes, probeSince: now }
}

/** It ended. */
export function ended(before: Breaker, isFailure: boolean, now: number, rules: BreakerRules): Breaker {
  const b = turn(before, now, rules)
  const calls = b.calls + 1
  const failures = b.failures + (isFailure ? 1 : 0)
  const consecutive = isFailure ? b.consecutive + 1 : 0
  const next = { ...b, calls, failures, consecutive }
  if (b.status === 'ejected') return next // started before the ejection; it decided already
  if (b.status === 'probing') {
    if (isFailure) return eject(next, now, rules)
    const probesLeft = b.probesLeft - 1
    return probesLeft > 0 ? { ...next, probesLeft, probeSince: -Infinity } : { ...newBreaker(now), ejections: b.ejections }
  }
  const allCalls = calls + b.previousCalls
  const isTooMany = isFailure && allCalls >= rules.minimumCalls && (failures + b.previousFailures) / allCalls >= rules.failureShare
  return consecutive >= rules.consecutiveFailures || isTooMany ? eject(next, now, rules) : next
}

/** Out at once, whatever the windows say: it proved to be someone else. */
export function eject(b: Breaker, now: number, rules: BreakerRules): Breaker {
  // A long quiet time forgives earlier ejections.
  const ejections = now - b.until > rules.maximumEjectionMs * 2 ? 1 : b.ejections + 1
  return { ...newBreaker(now), status: 'ejected', ejections, until: now + Math.min(rules.maximumEjectionMs, rules.ejectionMs * 2 ** (ejections - 1)) }
}

function turn(b: Breaker, now: number, { windowMs }: BreakerRules): Breaker {
  const age = now - b.windowStart
  if (age < windowMs) return b
  const isNext = age < windowMs * 2
  return { ...b, calls: 0, failures: 0, windowStart: now, previousCalls: isNext ? b.calls : 0, previousFailures: isNext ? b.failures : 0 }
}
