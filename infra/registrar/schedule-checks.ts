/** When each instance is checked: each at its own pace, spread by chance, never more than so many at once (S7.1). */
export type Schedule<T> = {
  /** These are checked from now on, others no more. */
  set(targets: ReadonlyMap<string, T>): void
  stop(): void
}

type Entry<T> = { key: string; target: T; timer: NodeJS.Timeout | undefined }

export function scheduleChecks<T>({ check, intervalMs, atOnce, random }: { check: (target: T) => Promise<void>; intervalMs: number; atOnce: number; random: () => number }): Schedule<T> {
  const entries = new Map<string, Entry<T>>()
  const queue: Entry<T>[] = []
  let running = 0

  const isCurrent = (entry: Entry<T>) => entries.get(entry.key) === entry
  const plan = (entry: Entry<T>, ms: number) => {
    entry.timer = setTimeout(() => {
      queue.push(entry)
      pump()
    }, ms)
  }
  function pump(): void {
    while (running < atOnce && queue.length) {
      const entry = queue.shift()!
      if (!isCurrent(entry)) continue
      running++
      void check(entry.target).finally(() => {
        running--
        if (isCurrent(entry)) plan(entry, intervalMs * (0.75 + random() / 2))
        pump()
      })
    }
  }

  return {
    set(targets) {
      for (const [key, entry] of entries)
        if (!targets.has(key)) {
          clearTimeout(entry.timer)
          entries.delete(key)
        }
      for (const [key, target] of targets) {
        const entry = entries.get(key)
        if (entry) entry.target = target
        else {
          const fresh: Entry<T> = { key, target, timer: undefined }
          entries.set(key, fresh)
          plan(fresh, random() * Math.min(100, intervalMs))
        }
      }
    },
    stop() {
      for (const { timer } of entries.values()) clearTimeout(timer)
      entries.clear()
      queue.length = 0
    },
  }
}
