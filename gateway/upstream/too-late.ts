/**
 * Tells exchanges that their time is over. A timer for each costs more than a look at all of them now and then: they
 * are few at any moment, and nearly all end in time.
 *
 * A list of places that are used again, not a Set: the tables that a Set outgrows hold on to each other, and with them
 * to every exchange that was under way, until the next full collection.
 */
const EVERY_MS = 20
/** Who may wait longer than this has a timer of its own, so that an idle process need not look. */
const SOON_MS = 15_000

type Waiting = { deadline: number; late: () => void }
const waiting: (Waiting | null)[] = []
const free: number[] = []
let looking: NodeJS.Timeout | undefined

/** Calls `late` at `deadline` (performance.now(), ms) or up to 20 ms later, unless the returned function was called before. */
export function watchDeadline(deadline: number, late: () => void): () => void {
  const left = deadline - performance.now()
  if (left > SOON_MS) {
    const timer = setTimeout(late, left)
    return () => clearTimeout(timer)
  }
  const one = { deadline, late }
  const place = free.pop() ?? waiting.length
  waiting[place] = one
  looking ??= setInterval(look, EVERY_MS)
  return () => { if (waiting[place] === one) leave(place) }
}

function leave(place: number): void {
  waiting[place] = null
  free.push(place)
}

function look(): void {
  const now = performance.now()
  for (const [place, one] of waiting.entries())
    if (one && now >= one.deadline) {
      leave(place)
      one.late()
    }
  if (free.length < waiting.length) return
  waiting.length = free.length = 0
  clearInterval(looking)
  looking = undefined
}
