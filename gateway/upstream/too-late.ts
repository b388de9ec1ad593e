/**
 * Tells exchanges that their time is over. A timer for each costs more than a look at all of them now and then: they
 * are few at any moment, and nearly all end in time.
 */
const EVERY_MS = 20
/** Who may wait longer than this has a timer of its own, so that an idle process need not look. */
const SOON_MS = 15_000

type Waiting = { deadline: number; late: () => void }
const waiting = new Set<Waiting>()
let looking: NodeJS.Timeout | undefined

/** Calls `late` at `deadline` (performance.now(), ms) or up to 20 ms later, unless the returned function was called before. */
export function watchDeadline(deadline: number, late: () => void): () => void {
  const left = deadline - performance.now()
  if (left > SOON_MS) {
    const timer = setTimeout(late, left)
    return () => clearTimeout(timer)
  }
  const one = { deadline, late }
  waiting.add(one)
  looking ??= setInterval(look, EVERY_MS)
  return () => void waiting.delete(one)
}

function look(): void {
  const now = performance.now()
  for (const one of waiting)
    if (now >= one.deadline) {
      waiting.delete(one)
      one.late()
    }
  if (waiting.size > 0) return
  clearInterval(looking)
  looking = undefined
}
