/**
 * Who belongs in the registry (S3.6): pure, from what is deployed, what checks said, and what is registered.
 *
 * Only good checks in a row let an instance in; only bad ones, or another identity at its address, take it out. Nothing
 * is remembered of what was written: the next tick compares again, so a crash in between is repaired by itself.
 */
export type Instance = { id: string; service: string; version: string; host: string; port: number }
export type CheckResult = 'good' | 'bad' | /** Nobody listens there, as before a start. */ 'absent' | /** Someone else answers there. */ 'impostor'

export type History = {
  /** Where these checks went: an instance that moved starts anew. */
  address: string
  good: number
  bad: number
  isImpostor: boolean
  /** Grows by one each time it left, halves every `halfLifeMs`. */
  penalty: number
  penaltyAt: number
  /** It was in the registry at this address: what happens to it now is an outage, not a try to enter. */
  hasEntered: boolean
  /** Bad answers while it waited to enter. */
  refusals: number
  told: Refusal | null
}
/** Why an instance is kept out. */
export type Refusal = 'unhealthy' | 'wrong-identity'
export type Rules = { goodChecks: number; badChecks: number; /** Most good checks that damping may ask for. */ mostGoodChecks: number; halfLifeMs: number }
export type Action = { do: 'register'; instance: Instance } | { do: 'deregister'; instance: Instance; reason: 'unhealthy' | 'wrong-identity' | 'moved' }

export const addressOf = ({ service, host, port }: Instance): string => `${service}@${host}:${port}`
export const newHistory = (instance: Instance): History => ({ address: addressOf(instance), good: 0, bad: 0, isImpostor: false, penalty: 0, penaltyAt: 0, hasEntered: false, refusals: 0, told: null })

/** A check of `instance` ended. */
export function checked(before: History | undefined, instance: Instance, result: CheckResult): History {
  const h = before?.address === addressOf(instance) ? before : { ...newHistory(instance), penalty: before?.penalty ?? 0, penaltyAt: before?.penaltyAt ?? 0 }
  if (result === 'good') return { ...h, good: h.good + 1, bad: 0, isImpostor: false }
  return { ...h, good: 0, bad: h.bad + 1, isImpostor: result === 'impostor', refusals: h.refusals + (result === 'absent' ? 0 : 1) }
}

/** What is to be told of an instance that is kept out: once, not with each check; never of one that only starts (S3.6). */
export function refusal({ isImpostor, hasEntered, refusals, told }: History, { badChecks }: Rules): Refusal | null {
  if (isImpostor) return told === 'wrong-identity' ? null : 'wrong-identity'
  return !hasEntered && refusals >= badChecks && told === null ? 'unhealthy' : null
}

/** It is in the registry. */
export const entered = (h: History): History => ({ ...h, hasEntered: true, refusals: 0, told: null })

const penaltyNow = ({ penalty, penaltyAt }: History, now: number, { halfLifeMs }: Rules): number => penalty * 2 ** (-Math.max(0, now - penaltyAt) / halfLifeMs)

/** It was taken out: the more often that happened lately, the longer it must be well to come back. */
export const left = (h: History, now: number, rules: Rules): History => ({ ...h, good: 0, penalty: penaltyNow(h, now, rules) + 1, penaltyAt: now })

/** Good checks in a row that it needs at `now`: doubled by each recent leave. */
export const goodChecksNeeded = (h: History, now: number, rules: Rules): number =>
  Math.min(rules.mostGoodChecks, Math.ceil(rules.goodChecks * 2 ** Math.floor(penaltyNow(h, now, rules) + 0.5)))

/** Bad checks in a row that take an instance out: more while most fail at once, for then the fault may be ours or the machine's. */
export function badChecksNeeded(histories: ReadonlyMap<string, History>, registered: ReadonlyMap<string, Instance>, { badChecks }: Rules): number {
  const failing = [...registered.keys()].filter((id) => (histories.get(id)?.bad ?? 0) >= badChecks).length
  return failing > 2 && failing > registered.size / 2 ? badChecks * 4 : badChecks
}

/** What is registered but no longer deployed stays until its checks fail: whoever deploys may only be late. */
export function decide(deployed: readonly Instance[], histories: ReadonlyMap<string, History>, registered: ReadonlyMap<string, Instance>, now: number, rules: Rules): Action[] {
  const actions: Action[] = []
  const badNeeded = badChecksNeeded(histories, registered, rules)
  const known = new Map(deployed.map((instance) => [instance.id, instance]))
  for (const instance of registered.values()) {
    const h = histories.get(instance.id)
    const want = known.get(instance.id)
    if (want && addressOf(want) !== addressOf(instance)) actions.push({ do: 'deregister', instance, reason: 'moved' })
    else if (!h || h.address !== addressOf(instance)) continue // not checked yet: it stays
    else if (h.isImpostor) actions.push({ do: 'deregister', instance, reason: 'wrong-identity' })
    else if (h.bad >= badNeeded) actions.push({ do: 'deregister', instance, reason: 'unhealthy' })
  }
  for (const instance of deployed) {
    const h = histories.get(instance.id)
    const is = registered.get(instance.id)
    const isThere = is && addressOf(is) === addressOf(instance) && is.version === instance.version
    if (!isThere && h?.address === addressOf(instance) && !h.isImpostor && h.good >= goodChecksNeeded(h, now, rules)) actions.push({ do: 'register', instance })
  }
  return actions
}
