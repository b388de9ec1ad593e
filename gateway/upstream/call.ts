/**
 * From "call shipping" to an answer: token, breaker, directory, balance, mutual TLS. Used by the edge and by every
 * micro-gateway's outbound side.
 */
import type { Api } from '@shop/chassis/operation.ts'
import type { TraceContext } from '@shop/chassis/trace.ts'

/** Whom the call is made for. The exchange decides whether that is allowed; the actor is always our certificate. */
export type UpstreamSubject =
  /** A token whose audience is this workload: the user token at the edge, the narrow token a service was called with. */
  | { kind: 'token'; token: string }
  /** An anonymous visitor, by the id of their session; the edge alone may say so. */
  | { kind: 'guest'; guest: string }
  /** This workload as itself. */
  | { kind: 'self' }

export type UpstreamRequest = {
  callee: string
  /** operationId of the callee's API. */
  operation: string
  /** Path parameters, decoded. */
  params?: Record<string, string>
  /** Raw query string without '?'. */
  query?: string
  /** Lower case. Passed on: what the operation declares, and content-type, accept, if-match, if-none-match, idempotency-key. */
  headers?: Record<string, string>
  body?: Buffer
  subject: UpstreamSubject
  trace: TraceContext
  /** On the clock of `performance.now()`, ms. The callee is told what is left of it. */
  deadline: number
  /** Ends the call early: the client left. */
  signal?: AbortSignal
  /** Release that the session was assigned to. */
  rel?: string
}

/** Whatever the callee answered, its problems included: a status is never thrown. */
export type Answer = { status: number; /** Lower case. */ headers: Record<string, string>; body: Buffer }

/**
 * @throws mesh-denied (policy does not name the operation), token-invalid, token-expired, exchange-denied (the exchange
 * refused the subject), unavailable (nobody to ask, breaker), peer-mismatch (someone else answered), deadline-exceeded.
 */
export type CallUpstream = (request: UpstreamRequest) => Promise<Answer>

export type Upstream = {
  call: CallUpstream
  /** The callee's operations that policy lets us use; undefined for a callee it does not name. */
  api(callee: string): Api | undefined
  /** Resolves when the directory has its first answer for every callee. */
  ready(): Promise<void>
  stop(): Promise<void>
}
