/** The controls of a call from us to another workload, top to bottom; behind them `reach.ts`. */
import type { Credentials } from '@shop/chassis/identity.ts'
import type { TraceContext } from '@shop/chassis/trace.ts'
import type { Operation } from '@shop/chassis/operation.ts'
import { DeadlineExceeded, Unavailable } from '@shop/chassis/problem.ts'
import { control, type Control, type Stage, type Step } from '../pipeline.ts'
import { admits, defaultRules, ended, newBreaker, started, type Breaker, type BreakerRules } from './breaker.ts'
import type { Answer, UpstreamRequest } from './call.ts'
import type { Callee } from './callees.ts'
import type { Clock } from './clock.ts'
import type { NarrowTokens } from './narrow-token.ts'

export type UpstreamCall = {
  request: UpstreamRequest
  /** This call, in the trace of the request that it is made for. */
  trace: TraceContext
  callee: Callee
  operation: Operation
  /** Taken once: the token is bound to the certificate that the connection shows. */
  credentials: Credentials
  token: string | undefined
  /** How long it took to have it, ms. */
  tokenMs: number | undefined
  answer: Answer | undefined
  /** Whether the callee failed; undefined while it was not asked, or we left. */
  isFailure: boolean | undefined
}

export const upstreamPipeline = ({ tokens, clock }: { tokens: NarrowTokens; clock: Clock }): Control<UpstreamCall>[] => [
  control('S6.1', 'deadline', requireTimeLeft(clock)),
  control('S6.1', 'breaker', breakOperation(clock)),
  control('S12.5 S2.5', 'narrow-token', narrowToken(tokens, clock)),
]

const requireTimeLeft = (clock: Clock): Step<UpstreamCall> => (call) => {
  if (clock.now() >= call.request.deadline) throw DeadlineExceeded()
}

/** One breaker for each operation of each callee: a sick operation answers at once, its neighbours go on (S6.1). */
function breakOperation(clock: Clock, rules: BreakerRules = defaultRules): Stage<UpstreamCall> {
  const breakers = new Map<Operation, Breaker>()
  return {
    request({ callee, operation }) {
      const now = clock.now()
      const before = breakers.get(operation) ?? newBreaker(now)
      if (!admits(before, now))
        throw Unavailable({ detail: `${callee.name} is failing; it gets a moment to recover`, headers: { 'retry-after': String(Math.max(1, Math.ceil((before.until - now) / 1000))) } })
      breakers.set(operation, started(before, now, rules))
    },
    ended({ operation, isFailure }) {
      if (isFailure !== undefined) breakers.set(operation, ended(breakers.get(operation)!, isFailure, clock.now(), rules))
    },
  }
}

/** Only workloads of the mesh read our tokens: the control plane knows us by certificate, an outside party must never see one. */
const narrowToken = (tokens: NarrowTokens, clock: Clock): Step<UpstreamCall> => (call) => {
  const { request: { subject, deadline, rel }, callee, operation, credentials, trace } = call
  if (callee.kind !== 'mesh') return
  const askedAt = trace.isSampled ? clock.now() : 0
  const have = (token: string): void => {
    call.token = token
    if (trace.isSampled) call.tokenMs = Math.round((clock.now() - askedAt) * 1000) / 1000
  }
  const token = tokens.get({ subject, callee: callee.name, operation, credentials, rel, deadline, trace })
  return typeof token === 'string' ? have(token) : token.then(have)
}
