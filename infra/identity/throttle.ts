/**
 * Slows down guessing (S11.1): a leaky bucket for each account and source together, and one for each source.
 *
 * Counting comes before the password is looked at, so that a hundred guesses at once are a hundred, not one. What is
 * refused does not count: whoever was refused waits one leak at most, and nobody is locked out for good. Another
 * source has its own bucket for the same account (S11.1-b).
 */
import { createHash } from 'node:crypto'
import { problem } from '@shop/chassis/problem.ts'
import type { Store } from '@shop/chassis/store.ts'

export const TooManyAttempts = problem('too-many-attempts', 429, 'Too many attempts', 'Wait a moment, then try again', 'AE3')

/** Holds `size` failures; one leaks out each `leakSeconds`. */
type Bucket = { name: string; size: number; leakSeconds: number }

const PAIR: Bucket = { name: 'pair', size: 5, leakSeconds: 30 }
const SOURCE: Bucket = { name: 'source', size: 60, leakSeconds: 2 }
const REGISTRATION: Bucket = { name: 'registration', size: 30, leakSeconds: 5 }

export type Throttle = {
  /** Counts an attempt; throws too-many-attempts with Retry-After. */
  attempt(username: string, source: string): Promise<void>
  /** The attempt was no guess: it no longer counts. */
  succeeded(username: string, source: string): Promise<void>
  registration(source: string): Promise<void>
}

export function createThrottle(store: Store): Throttle {
  const keyOf = (bucket: Bucket, ...parts: string[]) => createHash('sha256').update(JSON.stringify([bucket.name, ...parts])).digest()

  async function fill(bucket: Bucket, ...parts: string[]): Promise<void> {
    const key = keyOf(bucket, ...parts)
    const left = `greatest(0, t.level - extract(epoch from now() - t.at) / ${bucket.leakSeconds})`
    const { rowCount } = await store.query(
      `insert into login_throttle as t (key, level, at) values ($1, 1, now())
       on conflict (key) do update set level = ${left} + 1, at = now() where ${left} + 1 <= ${bucket.size}`, [key])
    if (rowCount === 1) return
    const { rows } = await store.query<{ left: number }>(`select ${left} as left from login_throttle t where key = $1`, [key])
    const over = Math.max(0, Number(rows[0]?.left ?? 0) + 1 - bucket.size)
    throw TooManyAttempts({ headers: { 'retry-after': String(Math.ceil(over * bucket.leakSeconds) || 1) }, evidence: { reason: `${bucket.name} bucket is full` } })
  }

  return {
    async attempt(username, source) {
      await fill(SOURCE, source)
      await fill(PAIR, username, source)
    },
    async succeeded(username, source) {
      await store.query('delete from login_throttle where key = $1', [keyOf(PAIR, username, source)])
      await store.query('update login_throttle set level = greatest(0, level - 1) where key = $1', [keyOf(SOURCE, source)])
    },
    registration: (source) => fill(REGISTRATION, source),
  }
}
