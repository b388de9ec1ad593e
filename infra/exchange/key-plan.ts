/**
 * Which signing key is in use, which are published, which may go: from the keys' ages alone (S1.2, S1.5).
 *
 * A new key is published a moment before it signs, longer than verifiers wait between two looks; an old one stays
 * published while tokens that it signed may live. So no request fails at a rotation.
 */
export type DatedKey = { label: string; createdAtMs: number }
export type KeyPlan = { signWith: string | null; publish: string[]; remove: string[]; isDue: boolean }
export type KeyLives = { keyLifetimeMs: number; tokenLifetimeMs: number }

export const SETTLE_MS = 2_000
const GRACE_MS = 10_000

export function planKeys(keys: DatedKey[], nowMs: number, { keyLifetimeMs, tokenLifetimeMs }: KeyLives): KeyPlan {
  const newestFirst = keys.toSorted((a, b) => b.createdAtMs - a.createdAtMs || (a.label < b.label ? 1 : -1))
  // Without a settled key (the first start) the oldest signs at once: nobody can know another.
  const signing = newestFirst.find((key) => key.createdAtMs + SETTLE_MS <= nowMs) ?? newestFirst.at(-1)
  const isOld = (key: DatedKey) => signing !== undefined && key.createdAtMs < signing.createdAtMs && signing.createdAtMs + SETTLE_MS + tokenLifetimeMs + GRACE_MS < nowMs
  const newest = newestFirst[0]
  return {
    signWith: signing?.label ?? null,
    publish: newestFirst.filter((key) => !isOld(key)).map((key) => key.label),
    remove: newestFirst.filter(isOld).map((key) => key.label),
    isDue: newest === undefined || newest.createdAtMs + keyLifetimeMs <= nowMs,
  }
}

/** 'signing-1764000000000'; null for labels that are not ours. */
export const labelOf = (createdAtMs: number): string => `signing-${createdAtMs}`
export const dateOf = (label: string): number | null => {
  const digits = /^signing-([0-9]{13})$/.exec(label)?.[1]
  return digits ? Number(digits) : null
}
