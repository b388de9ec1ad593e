/** The live question to access, for what depends on the resource (S13.3). Silence is no. */
import type { Caller } from '@shop/chassis/caller.ts'
import type { Neighbour } from '@shop/chassis/neighbour.ts'
import { Unavailable } from '@shop/chassis/problem.ts'

export type MayCancel = (caller: Caller, order: { id: string; owner: string }, traceparent: string) => Promise<boolean>

/** Throws unavailable when access gives no decision. AuthZEN 1.0 §6. */
export const askAccess = (access: Neighbour): MayCancel => async (caller, { id, owner }, traceparent) => {
  const answer = await access.request({
    method: 'POST', path: '/access/v1/evaluation', actFor: caller, traceparent, timeoutMs: 1_500,
    body: { subject: { type: 'User', id: caller.subject }, action: { name: 'order.cancelOrder' }, resource: { type: 'Order', id, properties: { owner } } },
  })
  if (answer.status !== 200 || typeof answer.body?.decision !== 'boolean') throw Unavailable({ evidence: { reason: `access answered ${answer.status}` } })
  return answer.body.decision
}
