/** The controls of a call from us to another workload, top to bottom; behind them `reach.ts`. */
import type { Credentials } from '@shop/chassis/identity.ts'
import type { Operation } from '@shop/chassis/operation.ts'
import { DeadlineExceeded, Unavailable } from '@shop/chassis/problem.ts'
import { control, type Control, type Stage } from '../pipeline.ts'
import { admits, defaultRules, ended, newBreaker, started, type Breaker, type BreakerRules } from './breaker.ts'
import type { Answer, UpstreamRequest } from './call.ts'
import type { Callee } from './callees.ts'
import type { Clock } from './clock.ts'
import type { NarrowTokens } from './narrow-token.ts'

export type UpstreamCall = {
  request: UpstreamRequest
  callee: Callee
  operation: Operation
  /** Taken once: the token is bound to the certificate that the connection shows. */
  credentials: Credentials
  token: string | undefined
  /** How long it took to have it, ms. */
  tokenMs?: number
  answer: Answer | undefined
  /** Whether the callee failed; undefined while it was not asked, or we left. */
  isFailure: boolean | undefined
}

export const upstreamPipeline = ({ tokens, clock }: { tokens: NarrowTokens; clock: Clock }): Control<UpstreamCall>[] => [
  control('S6.1', 'deadline', requireTimeLeft(clock)),
  control('S6.1', 'breaker', breakOperation(clock)),
  control('S12.5 S2.5', 'narrow-token', narrowToken(tokens, clock)),
]

const requireTimeLeft = (clock: Clock): Stage<UpstreamCall> => async (call, next) => {
  if (clock.now() >= call.request.deadline) throw DeadlineExceeded()
  await next()
}

/** One breaker for each operation of each callee: a sick operation answers at once, its neighbours go on (S6.1). */
function breakOperation(clock: Clock, rules: BreakerRules = defaultRules): Stage<UpstreamCall> {
  const breakers = new Map<string, Breaker>()
  return async (call, next) => {
    const key = `${call.callee.name} ${call.operation.id}`
    const before = breakers.get(key) ?? newBreaker(clock.now())
    if (!admits(before, clock.now()))
      throw Unavailable({ detail: `${call.callee.name} is failing; it gets a moment to recover`, headers: { 'retry-after': String(Math.max(1, Math.ceil((before.until - clock.now()) / 1000))) } })
    breakers.set(key, started(before, clock.now(), rules))
    try {
      await next()
    } finally {
      if (call.isFailure !== undefined) breakers.set(key, ended(breakers.get(key)!, call.isFailure, clock.now(), rules))
    }
  }
}

/** Only workloads of the mesh read our tokens: the control plane knows us by certificate, an outside party must never see one. */
const narrowToken = (tokens: NarrowTokens, clock: Clock): Stage<UpstreamCall> => async (call, next) => {
  const { request: { subject, deadline, rel, trace }, callee, operation, credentials } = call
  if (callee.kind === 'mesh') {
    const askedAt = clock.now()
    call.token = await tokens.get({ subject, callee: callee.name, operation, credentials, rel, deadline, trace })
    call.tokenMs = Math.round((clock.now() - askedAt) * 1000) / 1000
  }
  await next()
}
