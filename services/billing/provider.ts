/** The payment provider, outside the mesh: the one place that speaks its API. Every call carries a key that makes repeating it harmless. */
import type { Neighbour } from '@shop/chassis/neighbour.ts'
import { problem } from '@shop/chassis/problem.ts'
import type { ProviderCall } from './domain/payment.ts'
import type { Payment } from './store.ts'

export const ProviderRefused = problem('provider-refused', 502, 'The payment provider did not accept our request', 'Nothing was charged by it; try again later')

export type ProviderAnswer = { providerId?: string; isDeclined: boolean; declineReason?: string }

const PATHS: Record<Exclude<ProviderCall, 'authorize'>, string> = { capture: 'capture', void: 'void', refund: 'refund' }

/** Throws unavailable or deadline-exceeded when the outcome is unknown, provider-refused when it will not be had. */
export type Provider = (call: ProviderCall, payment: Payment, traceparent: string) => Promise<ProviderAnswer>

export const createProvider = (psp: Neighbour, merchantKey: string): Provider => async (call, payment, traceparent) => {
  const answer = await psp.request({
    method: 'POST',
    path: call === 'authorize' ? '/v1/payments' : `/v1/payments/${encodeURIComponent(payment.providerId!)}/${PATHS[call]}`,
    ...(call === 'authorize' && { body: { amountMinor: payment.amountMinor, currency: payment.currency, token: payment.token, reference: payment.orderId } }),
    authorization: `Bearer ${merchantKey}`,
    idempotencyKey: `${payment.orderId}:${call}`,
    traceparent,
    timeoutMs: 8_000,
  })
  // A token that was used, ran out, is unknown or none at all will not get better: the customer chooses another card.
  if (call === 'authorize' && isTokenRefused(answer)) return { isDeclined: true, declineReason: 'payment-token-unusable' }
  if (answer.status >= 300) throw ProviderRefused({ evidence: { reason: `${call}: ${answer.status} ${String(answer.body?.code ?? '')}` } })
  return { providerId: answer.body.id, isDeclined: answer.body.status === 'declined', ...(answer.body.declineReason && { declineReason: answer.body.declineReason }) }
}

const isTokenRefused = ({ status, body }: { status: number; body?: any }): boolean =>
  (status === 422 && body?.code === 'payment-token-unusable') || (status === 400 && body?.errors?.length > 0 && body.errors.every(({ field }: { field?: unknown }) => field === 'body.token'))
