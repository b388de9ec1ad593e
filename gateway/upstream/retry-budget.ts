/**
 * Retries are a share of the traffic, so that they cannot multiply a failure (S6.1). Pure: fed with time.
 * Each call adds a fraction of a retry, and a trickle comes with time so that quiet services may retry as well.
 */
export type RetryBudget = { held: number; at: number }

const SHARE = 0.2
const PER_SECOND = 1
const MOST = 10

export const newRetryBudget = (now: number): RetryBudget => ({ held: MOST, at: now })

const refill = (b: RetryBudget, now: number): RetryBudget => ({ held: Math.min(MOST, b.held + (Math.max(0, now - b.at) / 1000) * PER_SECOND), at: now })

export const deposit = (b: RetryBudget, now: number): RetryBudget => { const r = refill(b, now); return { ...r, held: Math.min(MOST, r.held + SHARE) } }

/** Null when the budget is spent. */
export function withdraw(b: RetryBudget, now: number): RetryBudget | null {
  const r = refill(b, now)
  return r.held >= 1 ? { ...r, held: r.held - 1 } : null
}
