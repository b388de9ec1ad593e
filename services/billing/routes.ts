import { Conflict, InputInvalid, NotFound, NotYours, problem } from '@shop/chassis/problem.ts'
import { noContent, ok, type Routes } from '@shop/chassis/server.ts'
import { z } from 'zod'
import { totalOf } from './domain/ledger.ts'
import { isSignedByProvider } from './webhook.ts'
import { bringTo, type PayParts } from './pay.ts'
import { findInvoice, insert, insertCancelled, lock, rememberEvent, settle, type Invoice, type Payment } from './store.ts'

export const WebhookForged = problem('webhook-forged', 401, 'The payload does not bear the provider\'s signature', 'Sign it with the shared secret', 'EVENT-FORGED')

const providerEvent = z.object({ id: z.string().regex(/^[\x21-\x7e]{1,128}$/), type: z.string().max(64), reference: z.guid() })

export const routes = (d: PayParts & { webhookSecret: string }): Routes => ({
  authorizePayment: async ({ params, body, traceparent }) => {
    if (totalOf(body.lines) !== body.amountMinor) throw InputInvalid({ errors: [{ field: 'body.amountMinor', message: 'is not what the lines add up to' }] })
    await d.store.transaction(async (tx) => {
      await insert(tx, params.orderId, body)
      const kept = (await lock(tx, params.orderId))!
      if (kept.customerId !== null && (kept.amountMinor !== body.amountMinor || kept.customerId !== body.customerId)) throw Conflict({ detail: 'This order has another payment already' })
    })
    return ok(stateOf(await bringTo(d, params.orderId, 'authorize', traceparent)))
  },
  capturePayment: async ({ params, traceparent }) => ok(stateOf(await bringTo(d, params.orderId, 'capture', traceparent))),
  cancelPayment: async ({ params, traceparent }) => {
    await d.store.transaction((tx) => insertCancelled(tx, params.orderId))
    const { status } = await bringTo(d, params.orderId, 'cancel', traceparent)
    return ok({ status: status === 'refunded' ? 'refunded' : 'cancelled' })
  },
  // Another customer's invoice is not found rather than forbidden (S2.1).
  findByOrder: async ({ params, caller, tx }) => {
    const invoice = await findInvoice(tx, params.orderId)
    if (!invoice) throw NotFound()
    if (invoice.customerId !== caller.subject && caller.role !== 'staff') throw NotYours()
    return ok(publicInvoice(invoice))
  },
  receiveProviderEvent: async ({ body, headers, tx, traceparent }) => {
    if (!isSignedByProvider(headers['provider-signature'], body.payload, d.webhookSecret, d.now().getTime() / 1000)) throw WebhookForged()
    const event = eventOf(body.payload)
    if (!(await rememberEvent(tx, event.id)) || event.type !== 'payment.settled') return noContent()
    if (await settle(tx, event.reference)) await d.outbox.add(tx, 'payment.settled', event.reference, { orderId: event.reference }, traceparent)
    return noContent()
  },
})

/** Throws input-invalid: what the provider signed and we cannot read is no failure of ours, which would open breakers on us. */
function eventOf(payload: string): z.infer<typeof providerEvent> {
  try {
    return providerEvent.parse(JSON.parse(payload))
  } catch (cause) {
    throw InputInvalid({ errors: [{ field: 'body.payload', message: 'is no event of the provider' }], cause })
  }
}

/** Answers speak of what was reached, not of how. */
const stateOf = ({ status, declineReason }: Payment) => ({ status: status === 'capturing' ? 'authorized' : status, ...(status === 'declined' && declineReason && { declineReason }) })

const publicInvoice = (i: Invoice) => ({
  number: i.number, orderId: i.orderId, issuedAt: i.issuedAt.toISOString(), name: i.name, address: i.address, lines: i.lines, totalMinor: i.amountMinor, currency: i.currency,
  payment: { method: i.method, status: i.status, ...(i.settledAt && { settledAt: i.settledAt.toISOString() }) },
})
