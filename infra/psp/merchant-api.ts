/**
 * What the merchant may ask (openapi.yaml): authorize, capture, void, refund, look up, reconcile.
 *
 * Every write needs an Idempotency-Key. Effect, ledger, notice and kept answer are one transaction: a merchant that
 * never saw an answer repeats the key, or looks the reference up, and nothing happens twice.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { ApiCall, ApiHandlers, ApiReply } from '@shop/chassis/control-api.ts'
import { IdempotencyMismatch, NotFound, problem } from '@shop/chassis/problem.ts'
import type { Store, Tx } from '@shop/chassis/store.ts'
import { act, publicPayment, type Action } from './payment.ts'
import { addWebhook, appendLedger, findByReference, insertPayment, lockPayment, readLedger, takeToken, updatePayment, type Stored } from './store.ts'

export const TokenUnusable = problem('payment-token-unusable', 422, 'This payment token is unknown, ran out or was used', 'Let the customer enter card or account again', 'TOKEN-REPLAY')

export type MerchantParts = { store: Store; settlementSeconds: number; slowAnswerSeconds: number; /** Something to deliver. */ wake(): void }

const DONE: Record<Action, 'captured' | 'voided' | 'refunded'> = { capture: 'captured', void: 'voided', refund: 'refunded' }

export function merchantApi({ store, settlementSeconds, slowAnswerSeconds, wake }: MerchantParts): ApiHandlers {
  async function once(name: string, call: ApiCall, work: (tx: Tx) => Promise<{ status: number; payment: Stored; isSlow?: boolean }>): Promise<ApiReply> {
    const key = call.headers['idempotency-key'] as string
    const hash = createHash('sha256').update(JSON.stringify([name, call.params, call.body ?? null])).digest('base64url')
    let isSlow = false
    const reply = await store.transaction(async (tx): Promise<{ status: number; body: unknown; headers?: Record<string, string> }> => {
      isSlow = false
      // Two at once: the second waits here for the first one's answer.
      const { rows: [kept] } = await tx.query('insert into idempotency as i (key, request_hash) values ($1, $2) on conflict (key) do update set key = i.key returning request_hash, status, body', [key, hash])
      if (kept.request_hash !== hash) throw IdempotencyMismatch()
      if (kept.status !== null) return { status: kept.status, body: JSON.parse(kept.body), headers: { 'idempotency-replayed': 'true' } }
      const { status, payment, ...rest } = await work(tx)
      isSlow = rest.isSlow === true
      const { behaviour: _, ...shown } = payment
      const body = publicPayment(shown)
      await tx.query('update idempotency set status = $2, body = $3 where key = $1', [key, status, JSON.stringify(body)])
      return { status, body }
    })
    wake()
    if (isSlow) await untilLateOrGone(call, slowAnswerSeconds)
    return reply
  }

  const change = (action: Action) => (call: ApiCall) => once(`${action}Payment`, call, async (tx) => {
    const payment = await lockPayment(tx, call.params.paymentId)
    if (!payment) throw NotFound()
    const next = act(payment, action, call.body?.amountMinor)
    const isSettling = action === 'capture' && payment.method === 'bank-account'
    const changed = await updatePayment(tx, payment.id, next, isSettling ? settlementSeconds : null)
    await appendLedger(tx, payment, DONE[action], next.amountMinor)
    await addWebhook(tx, changed, `payment.${DONE[action]}`)
    return { status: 200, payment: changed }
  })

  return {
    createPayment: (call) => once('createPayment', call, async (tx) => {
      const { token, ...asked } = call.body
      const id = `pay_${randomBytes(16).toString('base64url')}`
      const instrument = await takeToken(tx, token, id)
      if (!instrument) throw TokenUnusable()
      const payment = await insertPayment(tx, { id, ...asked, ...instrument })
      if (payment.status === 'authorized') await appendLedger(tx, payment, 'authorized', payment.amountMinor)
      await addWebhook(tx, payment, `payment.${payment.status}`)
      return { status: 201, payment, isSlow: payment.behaviour === 'slow' }
    }),
    capturePayment: change('capture'),
    voidPayment: change('void'),
    refundPayment: change('refund'),
    getPayments: async ({ query }) => ({ status: 200, body: { items: (await findByReference(store, query.reference)).map(publicPayment) } }),
    getLedger: async ({ query }) => {
      const items = await readLedger(store, query.after, query.limit)
      return { status: 200, body: { items: items.map((e) => ({ ...e, at: e.at.toISOString() })), next: items.at(-1)?.id ?? query.after } }
    },
  }
}

/** The slow instruments: the effect stands, the answer does not come in any reasonable time. */
async function untilLateOrGone({ res }: ApiCall, seconds: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000)
    res.once('close', () => { clearTimeout(timer); resolve() })
  })
}
