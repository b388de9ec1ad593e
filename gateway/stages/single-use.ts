/** Where money moves a token is good once: the exchange, which issued it, alone can say so (S1.1). */
import { problem } from '@shop/chassis/problem.ts'
import type { TraceContext } from '@shop/chassis/trace.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'
import { operationOf } from './find-operation.ts'

export const TokenUsed = problem('token-used', 401, 'This token was already used', 'Ask for a new one', 'TOKEN-REPLAY')

/** Marks the token as used, in one atomic step; false when it was already. Throws unavailable when nobody can say. */
export type Redeem = (token: string, deadline: number, trace: TraceContext) => Promise<boolean>

export const singleUse = (redeem: Redeem): Step<InboundCall> => (call) => {
  if (!operationOf(call).isSingleUse) return
  return redeem(call.token, call.deadline, call.trace).then((isFirst) => { if (!isFirst) throw TokenUsed() })
}
