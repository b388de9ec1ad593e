/** Order's neighbour catalog: quotes, and stock held for orders. */
import type { Caller } from '@shop/chassis/caller.ts'
import type { Neighbour } from '@shop/chassis/neighbour.ts'
import { Unavailable } from '@shop/chassis/problem.ts'
import type { Quote } from './domain/cart.ts'
import { noOutcome, type Steps } from './steps.ts'

export type QuoteFor = (caller: Caller, productIds: string[], traceparent: string) => Promise<Quote[]>

/** Today's prices and stock of up to 50 products, for this caller. Throws unavailable. */
export const quoteFrom = (catalog: Neighbour): QuoteFor => async (caller, productIds, traceparent) => {
  if (productIds.length === 0) return []
  const answer = await catalog.request({ method: 'GET', path: `/quotes?ids=${productIds.join()}`, actFor: caller, traceparent, timeoutMs: 2_000 })
  if (answer.status !== 200) throw Unavailable({ evidence: { reason: `catalog answered ${answer.status}` } })
  return answer.body.items
}

export const stockSteps = (catalog: Neighbour): Pick<Steps, 'reserve' | 'commit' | 'release'> => ({
  async reserve({ id, lines, traceparent }) {
    const body = { lines: lines.map(({ productId, quantity }) => ({ productId, quantity })) }
    const answer = await catalog.request({ method: 'PUT', path: `/reservations/${id}`, body, traceparent, timeoutMs: 4_000 })
    if (answer.status === 200) return { type: 'reserved' }
    if (answer.status === 409) return { type: 'out-of-stock' }
    throw noOutcome('catalog', answer)
  },
  async commit({ id, traceparent }) {
    const answer = await catalog.request({ method: 'POST', path: `/reservations/${id}/commit`, traceparent, timeoutMs: 4_000 })
    if (answer.status === 204) return { type: 'committed' }
    if (answer.status === 409) return { type: 'commit-refused' }
    throw noOutcome('catalog', answer)
  },
  async release({ id, traceparent }) {
    const answer = await catalog.request({ method: 'DELETE', path: `/reservations/${id}`, traceparent, timeoutMs: 4_000 })
    if (answer.status === 204) return { type: 'released' }
    throw noOutcome('catalog', answer)
  },
})
