/** Who may report what, and how much of it (S5.1): pure, fed with time. */

/** A workload speaks for its own processes: 'order' for order, order-1 and order-1-gateway. */
export function isOwnSource(source: string, workload: string): boolean {
  return source === workload || (source.startsWith(`${workload}-`) && /^[0-9]{1,4}(-gateway)?$/.test(source.slice(workload.length + 1)))
}

export type Quota = {
  /** How many of `wanted` events of this producer are taken; the rest is counted as dropped. */
  take(producer: string, wanted: number, nowMs: number): number
  /** Producers with drops not yet told, at most once a second each; telling resets the count. */
  drops(nowMs: number): { producer: string; dropped: number }[]
}

/** A bucket a producer: a storm of refusals, as a scanner makes it, fits the burst; a flood does not fill the disk. */
export function createQuota({ perSecond = 100, burst = 20_000 } = {}): Quota {
  const buckets = new Map<string, { tokens: number; atMs: number; dropped: number; toldMs: number }>()
  return {
    take(producer, wanted, nowMs) {
      let bucket = buckets.get(producer)
      if (!bucket) buckets.set(producer, (bucket = { tokens: burst, atMs: nowMs, dropped: 0, toldMs: -Infinity }))
      bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, nowMs - bucket.atMs) / 1_000) * perSecond)
      bucket.atMs = nowMs
      const taken = Math.min(wanted, Math.floor(bucket.tokens))
      bucket.tokens -= taken
      bucket.dropped += wanted - taken
      return taken
    },
    drops(nowMs) {
      const due = [...buckets].filter(([, b]) => b.dropped > 0 && nowMs - b.toldMs >= 1_000)
      return due.map(([producer, bucket]) => {
        const { dropped } = bucket
        bucket.dropped = 0
        bucket.toldMs = nowMs
        return { producer, dropped }
      })
    },
  }
}
