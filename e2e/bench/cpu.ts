/** CPU time of processes as the kernel keeps it: user and system, every thread, every descendant. Linux alone tells. @see proc(5) */
import { readdirSync, readFileSync } from 'node:fs'

/** Milliseconds (with parts) so far. Throws when one of `roots` is gone: its time would be missing. */
export function cpuMsOf(roots: number[]): number {
  let nanoseconds = 0
  for (const pid of family(roots)) {
    const threads = attempt(() => readdirSync(`/proc/${pid}/task`))
    if (!threads && roots.includes(pid)) throw new Error(`process ${pid} ended while it was measured`)
    for (const thread of threads ?? []) nanoseconds += Number(attempt(() => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1'))?.split(' ')[0] ?? 0)
  }
  return nanoseconds / 1e6
}

function family(roots: number[]): Set<number> {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) && attempt(() => readFileSync(`/proc/${name}/stat`, 'latin1'))
    if (stat) parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const found = new Set(roots)
  // Children come after their parents in most lists, not in all: repeat until nothing is new.
  for (let size = 0; size !== found.size;) {
    size = found.size
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid)
  }
  return found
}

function attempt<T>(read: () => T): T | undefined {
  try { return read() } catch { return undefined }
}
