/**
 * What to ask of the payment provider next: state × goal → a call, or an end (design decision 18).
 *
 * Statuses ending in -ing are intents, committed before the call. An outcome that never came is found out by the same
 * call with the same key, so every row says what to repeat.
 */

export type Status = 'requested' | 'authorized' | 'declined' | 'capturing' | 'captured' | 'voiding' | 'cancelled' | 'refunding' | 'refunded'
export type Goal = 'authorize' | 'capture' | 'cancel'
export type ProviderCall = 'authorize' | 'capture' | 'void' | 'refund'
export type Next = { call: ProviderCall; intent: Status } | 'done' | 'refused'

const done = 'done', refused = 'refused'
const authorize: Next = { call: 'authorize', intent: 'requested' }
const capture: Next = { call: 'capture', intent: 'capturing' }
const release: Next = { call: 'void', intent: 'voiding' }
const refund: Next = { call: 'refund', intent: 'refunding' }

const TABLE: Record<Status, Record<Goal, Next>> = {
  //              authorize             capture            cancel
  requested:  { authorize,            capture: refused,  cancel: authorize },
  authorized: { authorize: done,      capture,           cancel: release },
  declined:   { authorize: done,      capture: refused,  cancel: done },
  capturing:  { authorize: done,      capture,           cancel: capture },
  captured:   { authorize: done,      capture: done,     cancel: refund },
  voiding:    { authorize: refused,   capture: refused,  cancel: release },
  cancelled:  { authorize: refused,   capture: refused,  cancel: done },
  refunding:  { authorize: refused,   capture: refused,  cancel: refund },
  refunded:   { authorize: refused,   capture: refused,  cancel: done },
}

export const next = (status: Status, goal: Goal): Next => TABLE[status][goal]

/** Where a call's good end leads. A declined authorization is an end, too: `declined`. */
export const outcomeOf: Record<ProviderCall, Status> = { authorize: 'authorized', capture: 'captured', void: 'cancelled', refund: 'refunded' }
