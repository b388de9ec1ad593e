/**
 * Brings a payment to a goal, one provider call at a time: intent committed, call made, outcome committed.
 * Killed anywhere, the next attempt starts from the row and repeats the same call with the same key (A4, A6).
 */
import type { Logger } from '@shop/chassis/log.ts'
import type { Outbox } from '@shop/chassis/outbox.ts'
import { Conflict, Internal, problem } from '@shop/chassis/problem.ts'
import type { Store, Tx } from '@shop/chassis/store.ts'
import { captured, refunded } from './domain/ledger.ts'
import { next, outcomeOf, type Goal, type ProviderCall, type Status } from './domain/payment.ts'
import type { Provider, ProviderAnswer } from './provider.ts'
import { issueInvoice, lock, post, setStatus, type Payment } from './store.ts'

export const PaymentCancelled = problem('payment-cancelled', 409, 'This order was given up; it is not paid any more', 'Place a new order')
export const PaymentStateConflict = problem('payment-state', 409, 'The payment is not in a state for this', 'Read the order again')

export type PayParts = { store: Store; outbox: Outbox; provider: Provider; log: Logger; now(): Date }

/** The longest way is authorize, capture, refund. */
const MAX_CALLS = 4

/** Throws what the provider throws: the caller repeats. */
export async function bringTo(d: PayParts, orderId: string, goal: Goal, traceparent: string): Promise<Payment> {
  for (let i = 0; i <= MAX_CALLS; i++) {
    const step = await d.store.transaction((tx) => intend(tx, orderId, goal))
    if (!('call' in step)) return step.payment
    const answer = await d.provider(step.call, step.payment, traceparent)
    await d.store.transaction((tx) => record(d, tx, orderId, step.call, answer, traceparent))
  }
  throw Internal({ detail: 'The payment did not come to rest' })
}

/** Commits what is about to be asked of the provider. */
async function intend(tx: Tx, orderId: string, goal: Goal): Promise<{ payment: Payment; call: ProviderCall } | { payment: Payment }> {
  const payment = await lock(tx, orderId)
  if (!payment) throw Conflict({ detail: 'There is no payment for this order' })
  if (payment.isCancelled && goal !== 'cancel') throw PaymentCancelled()
  const step = next(payment.status, goal)
  if (step === 'done') return { payment }
  if (step === 'refused') throw PaymentStateConflict({ detail: `A ${payment.status} payment cannot ${goal}` })
  if (step.intent !== payment.status) await setStatus(tx, orderId, step.intent)
  return { payment, call: step.call }
}

const INTENT: Record<ProviderCall, Status> = { authorize: 'requested', capture: 'capturing', void: 'voiding', refund: 'refunding' }

/** Commits the outcome with its invoice, ledger and event. Another attempt may have been first; then there is nothing to do. */
async function record({ outbox, now }: PayParts, tx: Tx, orderId: string, call: ProviderCall, answer: ProviderAnswer, traceparent: string): Promise<void> {
  const payment = (await lock(tx, orderId))!
  if (payment.status !== INTENT[call]) return
  const status = answer.isDeclined ? 'declined' : outcomeOf[call]
  await setStatus(tx, orderId, status, answer)
  const about = { orderId, amountMinor: payment.amountMinor, currency: payment.currency }
  if (status === 'authorized') await outbox.add(tx, 'payment.authorized', orderId, about, traceparent)
  if (status === 'declined') await outbox.add(tx, 'payment.declined', orderId, { ...about, reason: answer.declineReason }, traceparent)
  if (status === 'captured') {
    const invoice = await issueInvoice(tx, orderId, now().getUTCFullYear())
    await post(tx, orderId, 'captured', captured(payment.amountMinor), payment.currency)
    await outbox.add(tx, 'payment.captured', orderId, { ...about, invoice }, traceparent)
  }
  if (status === 'refunded') await post(tx, orderId, 'refunded', refunded(payment.amountMinor), payment.currency)
  if (status === 'refunded' || status === 'cancelled') await outbox.add(tx, 'payment.cancelled', orderId, { ...about, isRefund: status === 'refunded' }, traceparent)
}
