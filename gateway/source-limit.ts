/**
 * So many requests a second from one source, after a burst (S8.1): the generic cell rate algorithm, in memory, fed with time.
 * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 */
export type SourceRules = { perSecond: number; burst: number; /** How many are remembered at most. */ sources: number }
export type SourceLimit = {
  /** For one more request at `now`, ms: 0 when it may pass, else how many ms too early it is. */
  take(source: string, now: number): number
  size(): number
}

/**
 * Two generations of sources: when the present one is half of all, a new one begins and the one before is forgotten whole.
 * So the quiet go first, and no request pays for their going. `fullAt`: when a source's bucket is full again, ms.
 */
export function createSourceLimit({ perSecond, burst, sources }: SourceRules): SourceLimit {
  const costMs = 1_000 / perSecond
  let present = new Map<string, { fullAt: number }>()
  let before: typeof present = new Map()
  return {
    take(source, now) {
      let bucket = present.get(source)
      if (!bucket) {
        bucket = before.get(source) ?? { fullAt: now }
        if (present.size >= sources / 2) [before, present] = [present, new Map()]
        present.set(source, bucket)
      }
      const then = Math.max(bucket.fullAt, now) + costMs
      const overMs = then - now - burst * costMs
      if (overMs > 0) return overMs
      bucket.fullAt = then
      return 0
    },
    size: () => present.size + before.size,
  }
}
