/**
 * From "call shipping" to an answer: token, breaker, directory, balance, mutual TLS. Used by the edge and by every
 * micro-gateway's outbound side.
 */
import type { WorkloadIdentity } from '@shop/chassis/identity.ts'
import type { Logger } from '@shop/chassis/log.ts'
import type { MeshPolicy } from '@shop/chassis/mesh-policy.ts'
import type { Api } from '@shop/chassis/operation.ts'
import type { Report } from '@shop/chassis/security-event.ts'
import { httpSpan, silent, type Telemetry } from '@shop/chassis/telemetry.ts'
import { childOf, traceparent, type TraceContext } from '@shop/chassis/trace.ts'
import { compose, type Control } from '../pipeline.ts'
import { allowListed, type HeaderPolicy } from '../stages/header-allow-list.ts'
import { MeshDenied } from '../stages/pair-policy.ts'
import { createAdmission } from './admission.ts'
import { createAskExchange } from './ask-exchange.ts'
import { readCallees } from './callees.ts'
import { systemClock, type Clock } from './clock.ts'
import { createConnect } from './connect.ts'
import { consulDirectory } from './consul-directory.ts'
import type { Listing } from './directory.ts'
import { createNarrowTokens, type tokenKey } from './narrow-token.ts'
import { upstreamPipeline, type UpstreamCall } from './pipeline.ts'
import { reach } from './reach.ts'
import { send, type Asker } from './send.ts'

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
  /** Passed on as it is: to a party outside the mesh, and to control-plane operations that declare it. Others get a narrow token. */
  authorization?: string
  trace: TraceContext
  /** On the clock of `performance.now()`, ms. The callee is told what is left of it. */
  deadline: number
  /** Ends the call early when it leaves. */
  asker?: Asker
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
  /** Instances that a call would choose from now; undefined for what policy does not name, or the registry does not hold. */
  admitted(callee: string): Listing | undefined
  /** Resolves when the directory has its first answer for every callee. */
  ready(): Promise<void>
  stop(): Promise<void>
}

/** What a callee's side asks the exchange. */
export type ExchangeClient = {
  /** False when the token was used before. */
  redeem(token: string, deadline: number, trace: TraceContext): Promise<boolean>
  /** The exchange's JWK set. */
  fetchKeys(): Promise<unknown>
}

export type UpstreamParts = {
  identity: WorkloadIdentity
  outbound: MeshPolicy['outbound']
  /** Origins of the control plane. */
  exchange: string
  registry: string
  consulToken: string
  /** PEM: who vouches for parties outside the mesh. */
  externalRoots?: string | undefined
  report: Report
  telemetry?: Telemetry
  log: Logger
  clock?: Clock
  /** Changes the list of controls; production passes nothing. */
  controls?: (list: Control<UpstreamCall>[]) => Control<UpstreamCall>[]
  headerPolicy?: HeaderPolicy
  /** Keeps connections another way; production passes nothing. */
  connect?: typeof createConnect
  /** Keeps tokens another way. */
  keyOf?: typeof tokenKey
}

export function createUpstream(
  { identity, outbound, exchange, registry, consulToken, externalRoots, report, telemetry = silent, log, clock = systemClock, controls = (list) => list, headerPolicy = allowListed, connect: connecting = createConnect, keyOf }: UpstreamParts,
): Upstream & ExchangeClient {
  const callees = readCallees(outbound)
  const connect = connecting(identity, externalRoots)
  const askExchange = createAskExchange((path, body, { credentials, deadline, trace }) => send(connect.mesh('exchange', exchange, credentials), {
    method: 'POST', path, headers: { 'content-type': path === '/tokens' ? 'application/json' : 'application/x-www-form-urlencoded', accept: 'application/json', traceparent: traceparent(childOf(trace)) }, body, deadline,
  }))
  const tokens = createNarrowTokens(askExchange, clock, undefined, keyOf)
  const meshNames = [...callees.values()].filter(({ kind }) => kind === 'mesh').map(({ name }) => name)
  const directory = consulDirectory(meshNames, (path, timeoutMs, asker) => send(connect.mesh('registry', registry, identity.mesh()), {
    method: 'GET', path, headers: { 'x-consul-token': consulToken }, deadline: clock.now() + timeoutMs, asker,
  }), log, clock, () => report({
    detection: 'MTLS-REJECT', control: 'registry-peer', strategies: ['S3.3'], code: 'peer-mismatch', severity: 'high', subject: 'registry', address: new URL(registry).host,
    reason: 'another identity answers at the registry\'s address',
  }))
  const admission = createAdmission(directory, clock)
  const run = compose(controls(upstreamPipeline({ tokens, clock })), reach({ directory, admission, connect, clock, report, headerPolicy }))
  return {
    async call(request) {
      const callee = callees.get(request.callee)
      const operation = callee?.api.operations.get(request.operation)
      if (!callee || !operation) throw MeshDenied({ evidence: { reason: `policy names no ${request.callee}.${request.operation}` } })
      // What callee and exchange hear of: this call, not the one that it is made for.
      const trace = request.trace.isSampled ? childOf(request.trace) : request.trace
      const startedAt = trace.isSampled ? performance.now() : 0
      const call: UpstreamCall = { request, trace, callee, operation, credentials: identity.mesh(), token: undefined, tokenMs: undefined, answer: undefined, isFailure: undefined }
      let failure: unknown
      try {
        await run(call)
        return call.answer!
      } catch (error) {
        throw (failure = error)
      } finally {
        if (trace.isSampled) telemetry.record(trace, startedAt, () => httpSpan('client', operation.method, operation.path, call.answer?.status, failure, { 'server.address': callee.name, 'shop.operation': operation.id, 'shop.token_ms': call.tokenMs }))
      }
    },
    api: (callee) => callees.get(callee)?.api,
    admitted: (callee) => (callees.get(callee)?.kind === 'mesh' ? admission.admitted(callee) : undefined),
    ready: () => directory.ready(),
    redeem: (token, deadline, trace) => tokens.redeem(token, { credentials: identity.mesh(), deadline, trace }),
    async fetchKeys() {
      const answer = await send(connect.mesh('exchange', exchange, identity.mesh()), { method: 'GET', path: '/jwks', headers: { accept: 'application/json' }, deadline: clock.now() + 2_000 })
      if (answer.status !== 200) throw new Error(`the exchange answered ${answer.status}`)
      return JSON.parse(answer.body.toString('utf8')) as unknown
    },
    async stop() {
      directory.stop()
      await connect.close()
    },
  }
}
