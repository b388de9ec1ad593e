/** One transition of an order: state, its events in the outbox and what follows from it, in the caller's transaction (A6). */
import type { Outbox } from '@shop/chassis/outbox.ts'
import type { Tx } from '@shop/chassis/store.ts'
import { addLines } from './carts.ts'
import { apply, commandOf, isWaiting, type Refused, type SagaEvent } from './domain/saga.ts'
import { announce } from './events.ts'
import { save, type Order, type Then } from './store.ts'

export type Advance = (tx: Tx, locked: Order, event: SagaEvent, worker?: { by: string; leaseMs: number }) => Promise<Order | Refused>

/** `shipmentWaitMs`: how long a standard order waits for shipping's event before it asks. */
export const createAdvance = (outbox: Outbox, shipmentWaitMs: number): Advance => async (tx, locked, event, worker) => {
  const transition = apply(locked.saga, event)
  if ('refused' in transition) return transition
  const { next, publish } = transition
  if (next === locked.saga) return locked
  const isSameStep = next.state === locked.saga.state && commandOf(next) === commandOf(locked.saga)
  const then: Then =
    isSameStep ? { work: 'keep' }
    : isWaiting(next) ? { work: 'in', ms: shipmentWaitMs }
    : !commandOf(next) ? { work: 'none' }
    : worker ? { work: 'mine', ...worker }
    : { work: 'in', ms: 0 }
  const order = await save(tx, locked, next, then)
  for (const topic of publish) await announce(outbox, tx, topic, order)
  // Nothing was bought: the customer finds the cart as it was and can try another card.
  if (next.state === 'rejected') await addLines(tx, order.subject, order.lines)
  return order
}
