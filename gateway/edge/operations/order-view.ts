/** An order page in one answer (G1): order, shipment and invoice, asked at once, each with a deadline of its own. */
import { Problem } from '@shop/chassis/problem.ts'
import type { EdgeCall } from '../call.ts'
import type { Shop } from './shop.ts'

export type Part = { state: 'ok' | 'absent' | 'unavailable'; value?: unknown }
export type OrderView = { order: any; shipment: Part; invoice: Part }

/** How long a page waits for a part that it can do without. */
const PART_MS = 1_500

/** The order decides: without it there is nothing to show, and its problem is the answer. A part that is away is marked. */
export async function viewOrder({ ask, log }: Pick<Shop, 'ask' | 'log'>, call: EdgeCall, orderId: string): Promise<OrderView> {
  const params = { orderId }
  const deadline = Math.min(call.deadline, performance.now() + PART_MS)
  const [order, shipment, invoice] = await Promise.all([
    ask(call, 'order', 'getOrder', { params }).then((r) => r.json()),
    part('shipping'),
    part('billing'),
  ])
  return { order, shipment, invoice }

  async function part(service: string): Promise<Part> {
    try {
      return { state: 'ok', value: (await ask(call, service, 'findByOrder', { params, deadline })).json() }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (error.status === 404) return { state: 'absent' }
      log.warn({ service, code: error.code, traceId: call.trace.traceId }, 'a part of an order page is unavailable')
      return { state: 'unavailable' }
    }
  }
}
