/** The payment provider's events: not ours to read. Billing knows the provider's secret and checks the signature over these very bytes, so they travel as text (G3). */
import { NotFound } from '@shop/chassis/problem.ts'
import type { Handlers, Shop } from './shop.ts'

export const paymentEventOperations = ({ ask, webhookAllowed }: Shop): Handlers => ({
  receivePaymentEvent: async (call) => {
    if (!webhookAllowed) throw NotFound()
    await ask(call, 'billing', 'receiveProviderEvent', { body: { payload: call.rawBody!.toString('utf8') }, pass: ['provider-signature'], asSelf: true })
    return { status: 204, headers: { 'cache-control': 'no-store' } }
  },
})
