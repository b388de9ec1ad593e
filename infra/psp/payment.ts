/** The life of a payment: status × action → status, or a refusal. Pure. */
import { problem } from '@shop/chassis/problem.ts'

export type Status = 'authorized' | 'declined' | 'captured' | 'voided'
export type Action = 'capture' | 'void' | 'refund'
export type Payment = {
  id: string
  reference: string
  method: string
  status: Status
  declineReason: string | null
  amountMinor: number
  currency: string
  refundedMinor: number
  settledAt: Date | null
  createdAt: Date
}

export const PaymentStateConflict = problem('payment-state-conflict', 409, 'The payment is not in a state for this', 'Read the payment first')
export const AmountMismatch = problem('amount-mismatch', 422, 'The amount does not fit the payment', 'Capture exactly what was authorized; refund at most what is left')

const TABLE: Record<Status, Partial<Record<Action, Status>>> = {
  authorized: { capture: 'captured', void: 'voided' },
  captured: { refund: 'captured' },
  declined: {},
  voided: {},
}

/** What happens, exact to the minor unit: a capture is the whole amount, a refund at most what was not given back yet. */
export function act(payment: Payment, action: Action, askedMinor: number | undefined): { status: Status; amountMinor: number; refundedMinor: number } {
  const status = TABLE[payment.status][action]
  const left = payment.amountMinor - payment.refundedMinor
  if (!status || (action === 'refund' && left === 0)) throw PaymentStateConflict({ detail: `A ${payment.status} payment${left === 0 ? ' that was given back' : ''} cannot ${action}` })
  const amountMinor = askedMinor ?? left
  const isExact = action === 'refund' ? amountMinor <= left : amountMinor === payment.amountMinor
  if (!isExact) throw AmountMismatch({ detail: `${action} of ${amountMinor} where ${left} is left` })
  return { status, amountMinor, refundedMinor: payment.refundedMinor + (action === 'refund' ? amountMinor : 0) }
}

export const publicPayment = ({ declineReason, settledAt, createdAt, ...rest }: Payment) => ({
  ...rest, createdAt: createdAt.toISOString(), ...(declineReason && { declineReason }), ...(settledAt && { settledAt: settledAt.toISOString() }),
})
