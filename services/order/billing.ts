/** Order's neighbour billing. Money moves under keys that follow from the order, so a repeat is never a second payment (S8.3). */
import type { Neighbour } from '@shop/chassis/neighbour.ts'
import { noOutcome, type Steps } from './steps.ts'

/** Longer than billing gives its payment provider. */
const TIMEOUT_MS = 10_000

export const paymentSteps = (billing: Neighbour): Pick<Steps, 'authorize' | 'capture' | 'cancelPayment'> => ({
  async authorize({ id, subject, name, address, lines, totalMinor, currency, method, paymentToken, traceparent }) {
    const answer = await billing.request({
      method: 'PUT', path: `/payments/${id}`, idempotencyKey: `${id}:authorize`, traceparent, timeoutMs: TIMEOUT_MS,
      body: {
        customerId: subject, name, address, amountMinor: totalMinor, currency, method, token: paymentToken,
        lines: lines.map(({ productId, name, quantity, unitPriceMinor }) => ({ productId, name, quantity, unitPriceMinor })),
      },
    })
    const status = answer.body?.status
    if (answer.status === 200 && (status === 'authorized' || status === 'captured')) return { type: 'authorized' }
    if (answer.status === 200 && status === 'declined') return { type: 'declined', reason: answer.body.declineReason }
    if (answer.status === 409 || answer.status === 422 || answer.status === 400) return { type: 'declined', reason: 'not-accepted' }
    throw noOutcome('billing', answer)
  },
  async capture({ id, traceparent }) {
    const answer = await billing.request({ method: 'POST', path: `/payments/${id}/capture`, idempotencyKey: `${id}:capture`, traceparent, timeoutMs: TIMEOUT_MS })
    if (answer.status === 200 && answer.body?.status === 'captured') return { type: 'captured' }
    if (answer.status === 409) return { type: 'capture-refused' }
    throw noOutcome('billing', answer)
  },
  async cancelPayment({ id, traceparent }) {
    const answer = await billing.request({ method: 'POST', path: `/payments/${id}/cancel`, idempotencyKey: `${id}:cancel`, traceparent, timeoutMs: TIMEOUT_MS })
    const status = answer.body?.status
    if (answer.status === 200 && (status === 'cancelled' || status === 'refunded')) return { type: 'payment-cancelled', status }
    throw noOutcome('billing', answer)
  },
})
