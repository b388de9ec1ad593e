/** An order page in one answer (G1): order, shipment and invoice, asked at once, each with a deadline of its own. */
import { Problem } from '@shop/chassis/problem.ts'
import type { Ask } from '../ask.ts'
import type { EdgeCall } from '../call.ts'

export type Part = { state: 'ok' | 'absent' | 'unavailable'; value?: unknown }
export type OrderView = { order: any; shipment: Part; invoice: Part }

/** How long a page waits for a part that it can do without. */
const PART_MS = 1_500

/** The order decides: without it there is nothing to show, and its problem is the answer. A part that is away is marked. */
export async function viewOrder(ask: Ask, call: EdgeCall, orderId: string): Promise<OrderView> {
  const params = { orderId }
  const deadline = Math.min(call.deadline, performance.now() + PART_MS)
  const [order, shipment, invoice] = await Promise.all([
    ask(call, 'order', 'getOrder', { params }).then((r) => r.json()),
    part(ask(call, 'shipping', 'findByOrder', { params, deadline })),
    part(ask(call, 'billing', 'findByOrder', { params, deadline })),
  ])
  return { order, shipment, invoice }
}

async function part(answer: ReturnType<Ask>): Promise<Part> {
  try {
    return { state: 'ok', value: (await answer).json() }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { state: error.status === 404 ? 'absent' : 'unavailable' }
  }
}
