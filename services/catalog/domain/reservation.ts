/**
 * A reservation's life as a table: state × command → next state and what happens to the shelf, or a refusal.
 *
 * `null` is an order that the catalog has not heard of. Releasing it leaves a tombstone, so that a reservation which
 * arrives after its own cancellation takes nothing. Every command may be repeated; stock moves once.
 */
export type ReservationState = 'held' | 'committed' | 'released' | 'expired'
export type ReservationCommand = 'reserve' | 'commit' | 'release' | 'expire'

export type Step = {
  next: ReservationState
  /** take: off the shelf, if it is there; give: back on the shelf. */
  stock: 'take' | 'give' | 'keep'
}
export type Refused = { refused: 'closed' | 'unknown' }

const to = (next: ReservationState, stock: Step['stock']): Step => ({ next, stock })
const closed: Refused = { refused: 'closed' }

const table: Record<ReservationState | 'none', Record<ReservationCommand, Step | Refused>> = {
  none:      { reserve: to('held', 'take'),      commit: { refused: 'unknown' },      release: to('released', 'keep'), expire: { refused: 'unknown' } },
  held:      { reserve: to('held', 'keep'),      commit: to('committed', 'keep'), release: to('released', 'give'), expire: to('expired', 'give') },
  committed: { reserve: to('committed', 'keep'), commit: to('committed', 'keep'), release: to('released', 'give'), expire: closed },
  released:  { reserve: closed,                  commit: closed,                  release: to('released', 'keep'), expire: closed },
  // A late payment may still be served while the shelf has the goods.
  expired:   { reserve: to('held', 'take'),      commit: to('committed', 'take'), release: to('released', 'keep'), expire: closed },
}

export const apply = (state: ReservationState | null, command: ReservationCommand): Step | Refused => table[state ?? 'none'][command]
