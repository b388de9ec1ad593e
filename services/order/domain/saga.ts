/**
 * An order's way as a table: state × event → next state, or a refusal (design decision 18, A6).
 *
 *   placed ─reserve→ reserved ─authorize→ authorized ─ship→ prepared ─capture→ captured ─commit→ completed
 *   and back: cancelling-shipment → cancelling-payment → releasing-stock → cancelled, or rejected
 *
 * A state says what to do next, so a restarted worker needs no memory. Every step may be repeated. A customer's wish to
 * cancel waits for the outcome of the step in flight: only a known state is compensated.
 */
export type State =
  | 'placed' | 'reserved' | 'authorized' | 'prepared' | 'captured' | 'completed'
  | 'cancelling-shipment' | 'cancelling-payment' | 'releasing-stock' | 'cancelled' | 'rejected'
export type Command = 'reserve' | 'authorize' | 'createShipment' | 'capture' | 'commit' | 'cancelShipment' | 'cancelPayment' | 'release'
type PaymentStatus = 'pending' | 'authorized' | 'declined' | 'captured' | 'settled' | 'cancelled' | 'refunded'
type Reason = 'out-of-stock' | 'declined' | 'customer' | 'timed-out' | 'shipping-refused' | 'payment-failed'
export type Topic = 'order.paid' | 'order.completed' | 'order.cancelled'

export type Saga = {
  state: State
  /** express: shipping is asked; standard: shipping hears of the payment and makes the shipment in its own time (A5). */
  delivery: 'standard' | 'express'
  payment: PaymentStatus
  declineReason?: string
  isCancelRequested: boolean
  isDispatched: boolean
  /** The event did not come in time: ask instead. */
  isOverdue: boolean
  /** How it ends, once it goes backwards. */
  outcome: 'cancelled' | 'rejected' | null
  reason: Reason | null
  /** Where it goes on when the parcel turns out to have left. */
  resume: State | null
}

export type SagaEvent =
  // what a step came to
  | { type: 'reserved' | 'out-of-stock' | 'authorized' | 'shipment-refused' | 'captured' | 'capture-refused' | 'committed' | 'commit-refused' | 'shipment-cancelled' | 'released' }
  | { type: 'declined'; reason?: string }
  | { type: 'payment-cancelled'; status: 'cancelled' | 'refunded' }
  // what others tell; also outcomes of createShipment and cancelShipment
  | { type: 'shipment-created' | 'dispatched' | 'payment-settled' }
  // the customer, and time
  | { type: 'cancel' | 'overdue' | 'gave-up' }

export type Refused = { refused: 'unexpected' | 'closed' | 'dispatched' }
export type Transition = { next: Saga; publish: Topic[] }

type Rule = (saga: Saga, event: any) => Saga | Refused

export const newSaga = (delivery: Saga['delivery']): Saga =>
  ({ state: 'placed', delivery, payment: 'pending', isCancelRequested: false, isDispatched: false, isOverdue: false, outcome: null, reason: null, resume: null })

const to = (state: State, change: Partial<Saga> = {}): Rule => (saga) => ({ ...saga, ...change, state })
/** Known, and nothing to do. */
const noted: Rule = (saga) => saga
const refuse = (refused: Refused['refused']): Rule => () => ({ refused })
const undo = (first: State, outcome: 'cancelled' | 'rejected', reason: Reason): Rule => (saga) =>
  ({ ...saga, state: first, outcome, reason, resume: saga.state === 'authorized' ? 'prepared' : saga.state })
const unlessDispatched = (rule: Rule, otherwise: Rule): Rule => (saga, event) => (saga.isDispatched ? otherwise : rule)(saga, event)
const end: Rule = (saga) => ({ ...saga, state: saga.outcome!, payment: saga.payment === 'pending' ? 'cancelled' : saga.payment })

const wish: Rule = (saga) => (saga.isDispatched ? { refused: 'dispatched' } : saga.isCancelRequested ? { refused: 'closed' } : { ...saga, isCancelRequested: true })
const cancelNow = unlessDispatched(undo('cancelling-shipment', 'cancelled', 'customer'), refuse('dispatched'))
const left: Rule = (saga) => ({ ...saga, isDispatched: true, isCancelRequested: false })
/** Also before the answer to our capture came, which then takes nothing back. */
const settled: Rule = (saga) => (saga.payment === 'captured' || saga.payment === 'authorized' ? { ...saga, payment: 'settled' } : saga)
const late = { 'shipment-created': noted, dispatched: left, 'payment-settled': settled }
const paid: Rule = (saga) => ({ ...saga, state: 'captured', payment: saga.payment === 'settled' ? 'settled' : 'captured' })

const table: Record<State, Partial<Record<SagaEvent['type'], Rule>>> = {
  placed: {
    reserved: to('reserved'),
    'out-of-stock': to('rejected', { outcome: 'rejected', reason: 'out-of-stock', payment: 'cancelled' }),
    'gave-up': undo('releasing-stock', 'cancelled', 'timed-out'),
    cancel: wish,
  },
  reserved: {
    authorized: to('authorized', { payment: 'authorized' }),
    declined: (saga, event) => ({ ...saga, state: 'releasing-stock', outcome: 'rejected', reason: 'declined', payment: 'declined', ...(event.reason && { declineReason: event.reason }) }),
    'gave-up': undo('cancelling-payment', 'cancelled', 'timed-out'),
    cancel: wish,
  },
  authorized: {
    'shipment-created': to('prepared'),
    dispatched: to('prepared', { isDispatched: true }),
    'shipment-refused': undo('cancelling-shipment', 'cancelled', 'shipping-refused'),
    overdue: (saga) => ({ ...saga, isOverdue: true }),
    'gave-up': undo('cancelling-shipment', 'cancelled', 'timed-out'),
    cancel: (saga, event) => (commandOf(saga) ? wish : cancelNow)(saga, event),
    'payment-settled': settled,
  },
  prepared: {
    captured: paid,
    'capture-refused': unlessDispatched(undo('cancelling-shipment', 'cancelled', 'payment-failed'), undo('cancelling-payment', 'cancelled', 'payment-failed')),
    'gave-up': unlessDispatched(undo('cancelling-shipment', 'cancelled', 'timed-out'), refuse('dispatched')),
    cancel: wish,
    ...late,
  },
  // Paid for: from here it is finished however long that takes.
  captured: {
    committed: to('completed'),
    'commit-refused': unlessDispatched(undo('cancelling-shipment', 'cancelled', 'out-of-stock'), to('completed')),
    cancel: wish,
    ...late,
  },
  completed: { cancel: cancelNow, ...late },
  'cancelling-shipment': {
    'shipment-cancelled': to('cancelling-payment'),
    dispatched: (saga) => ({ ...saga, state: saga.resume!, outcome: null, reason: null, resume: null, isCancelRequested: false, isDispatched: true }),
    'shipment-created': noted,
    cancel: refuse('closed'),
    'payment-settled': settled,
  },
  'cancelling-payment': { 'payment-cancelled': (saga, event) => ({ ...saga, state: 'releasing-stock', payment: event.status }), cancel: refuse('closed'), ...late },
  'releasing-stock': { released: end, cancel: refuse('closed'), ...late },
  cancelled: { cancel: refuse('closed'), ...late },
  rejected: { cancel: refuse('closed') },
}

/** Where a wish to cancel leads from a state that was just reached. */
const turn: Partial<Record<State, State>> = {
  reserved: 'releasing-stock', authorized: 'cancelling-payment', prepared: 'cancelling-shipment', captured: 'cancelling-shipment', completed: 'cancelling-shipment',
}

export function apply(saga: Saga, event: SagaEvent): Transition | Refused {
  const reached = table[saga.state][event.type]?.(saga, event) ?? { refused: 'unexpected' }
  if ('refused' in reached) return reached
  const first = reached.isCancelRequested && reached.state !== saga.state ? turn[reached.state] : undefined
  const next = first ? (undo(first, 'cancelled', 'customer')(reached, event) as Saga) : reached
  return { next, publish: next.state === saga.state ? [] : announced(saga.state, next.state) }
}

const announced = (from: State, to: State): Topic[] =>
  to === 'authorized' ? ['order.paid'] : to === 'completed' && from === 'captured' ? ['order.completed'] : to === 'cancelled' ? ['order.cancelled'] : []

const commands: Partial<Record<State, Command>> = {
  placed: 'reserve', reserved: 'authorize', authorized: 'createShipment', prepared: 'capture', captured: 'commit',
  'cancelling-shipment': 'cancelShipment', 'cancelling-payment': 'cancelPayment', 'releasing-stock': 'release',
}

/** What a worker does in this state; null: wait, or nothing more. */
export const commandOf = (saga: Saga): Command | null => (isWaiting(saga) ? null : (commands[saga.state] ?? null))

/** For shipping's event. */
export const isWaiting = (saga: Saga): boolean => saga.state === 'authorized' && saga.delivery === 'standard' && !saga.isOverdue

export const canGiveUp = (saga: Saga): boolean => !('refused' in apply(saga, { type: 'gave-up' }))

/** What the customer sees. */
export type Status = 'placed' | 'reserved' | 'authorized' | 'prepared' | 'captured' | 'completed' | 'cancelling' | 'cancelled' | 'rejected'

export const statusOf = ({ state, isCancelRequested, outcome }: Saga): Status =>
  state === 'cancelled' || state === 'rejected' ? state : isCancelRequested || outcome ? 'cancelling' : (state as Status)
