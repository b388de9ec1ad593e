/** Which instances of a service may get a call: a breaker for each, and never so many out that the rest drowns (S7.1, S7.2). */
import { admits, defaultRules, eject, ended, newBreaker, started, type Breaker, type BreakerRules } from './breaker.ts'

export const instanceRules: BreakerRules = { ...defaultRules, ejectionMs: 2_000 }

/** At least this share of the list stays in use; when more failed, the fault is likely not theirs (panic). */
const LEAST_SHARE = 0.5

/** Keys of instances that may be asked at `now`. Impostors never may until their time is over. */
export function eligible(keys: string[], breakers: ReadonlyMap<string, Breaker>, impostors: ReadonlyMap<string, number>, now: number): string[] {
  if (impostors.size === 0 && keys.every((key) => (breakers.get(key)?.status ?? 'admitting') === 'admitting')) return keys
  const known = keys.filter((key) => (impostors.get(key) ?? -Infinity) <= now)
  const good = known.filter((key) => { const b = breakers.get(key); return !b || admits(b, now) })
  return good.length >= known.length * LEAST_SHARE ? good : known
}

export type Outliers = {
  eligible(keys: string[], now: number): string[]
  started(key: string, now: number): void
  ended(key: string, isFailure: boolean, now: number): void
  /** It answered with another identity: out for a while, panic or not. */
  impostor(key: string, now: number): void
  /** Forgets instances that left the list. */
  keep(keys: Set<string>): void
}

/** For the instances of one service. */
export function createOutliers(rules: BreakerRules = instanceRules): Outliers {
  const breakers = new Map<string, Breaker>()
  const impostors = new Map<string, number>()
  const of = (key: string, now: number) => breakers.get(key) ?? newBreaker(now)
  return {
    eligible: (keys, now) => eligible(keys, breakers, impostors, now),
    started: (key, now) => void breakers.set(key, started(of(key, now), now, rules)),
    ended: (key, isFailure, now) => void breakers.set(key, ended(of(key, now), isFailure, now, rules)),
    impostor(key, now) {
      const next = eject(of(key, now), now, rules)
      breakers.set(key, next)
      impostors.set(key, now + 10_000)
    },
    keep(keys) {
      for (const map of [breakers, impostors]) for (const key of map.keys()) if (!keys.has(key)) map.delete(key)
    },
  }
}
