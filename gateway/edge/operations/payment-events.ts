/** The payment provider's events: not ours to read. Billing knows the provider's secret and checks the signature over these very bytes. */
import { NotFound } from '@shop/chassis/problem.ts'
import type { Handlers, Shop } from './shop.ts'

export const paymentEventOperations = ({ ask, webhookAllowed }: Shop): Handlers => ({
  receivePaymentEvent: async (call) => {
    if (!webhookAllowed) throw NotFound()
    await ask(call, 'billing', 'receiveProviderEvent', { body: call.rawBody, pass: ['provider-signature'], asSelf: true })
    return { status: 204, headers: { 'cache-control': 'no-store' } }
  },
})
