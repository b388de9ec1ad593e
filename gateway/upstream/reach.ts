/** The last step of an upstream call: an instance that policy, directory and health agree on, over our identity (S7.1, S7.2, S7.3). */
import { DeadlineExceeded, problem, Unavailable } from '@shop/chassis/problem.ts'
import type { Report } from '@shop/chassis/security-event.ts'
import { traceparent } from '@shop/chassis/trace.ts'
import type { Step } from '../pipeline.ts'
import { NO_NAMES, type HeaderPolicy } from '../stages/header-allow-list.ts'
import type { Admission } from './admission.ts'
import { pickTwo } from './balance.ts'
import { pathOf } from './callees.ts'
import type { Clock } from './clock.ts'
import type { Connect } from './connect.ts'
import type { Directory, Instance } from './directory.ts'
import { deposit, newRetryBudget, withdraw } from './retry-budget.ts'
import { send, SendError, type SendRequest } from './send.ts'
import type { UpstreamCall } from './pipeline.ts'

export const PeerMismatch = problem('peer-mismatch', 502, 'Someone else answered in place of the service', 'Try again in a moment')
export const Gone = problem('client-gone', 499, 'The client left before the answer', 'Ask again')

const ATTEMPTS = 3

export type ReachParts = { directory: Directory; admission: Admission; connect: Connect; clock: Clock; report: Report; headerPolicy: HeaderPolicy }

export function reach({ directory, admission: { admitted, outliersOf }, connect, clock, report, headerPolicy }: ReachParts): Step<UpstreamCall> {
  const inFlight = new Map<string, number>()
  const load = ({ key }: Instance) => inFlight.get(key) ?? 0
  let budget = newRetryBudget(clock.now())
  directory.onChange((service, { instances }) => connect.keep(service, new Set(instances.map((i) => i.origin))))

  /** A call to `instance` begins; what is returned says that it ended. */
  function begin(call: UpstreamCall, { id, key, host, port }: Instance): (failure: unknown) => void {
    const outliers = outliersOf(call.callee.name)
    inFlight.set(key, (inFlight.get(key) ?? 0) + 1)
    outliers.started(key, clock.now())
    return (failure) => {
      const left = (inFlight.get(key) ?? 1) - 1
      if (left > 0) inFlight.set(key, left)
      else inFlight.delete(key)
      const kind = failure === undefined ? 'answered' : failure instanceof SendError ? failure.kind : 'no-answer'
      if (kind === 'peer-mismatch') {
        outliers.impostor(key, clock.now())
        report({
          detection: 'MTLS-REJECT', control: 'peer-id', strategies: ['S7.2', 'S3.4'], code: 'peer-mismatch', severity: 'high', subject: call.callee.name,
          address: `${host}:${port}`, traceId: call.trace.traceId, operation: call.operation.id,
          reason: `${id} is listed at an address where another identity answers`,
        })
      } else if (kind !== 'aborted') outliers.ended(key, failure !== undefined || call.answer!.status >= 500, clock.now())
    }
  }

  async function askMesh(call: UpstreamCall): Promise<void> {
    const tried: string[] = []
    budget = deposit(budget, clock.now())
    for (let attempt = 1; ; attempt++) {
      const { instances } = admitted(call.callee.name)
      const others = tried.length ? instances.filter((i) => !tried.includes(i.key)) : instances
      // A kept connection that ended says little about its instance: with no other there, the same is asked again.
      const instance = pickTwo(others.length ? others : instances, load, clock.random)
      if (!instance) throw Unavailable({ detail: `No healthy instance of ${call.callee.name} is known`, headers: { 'retry-after': '1' } })
      tried.push(instance.key)
      const ended = begin(call, instance)
      let failure: unknown
      try {
        call.answer = await send(connect.mesh(call.callee.name, instance.origin, call.credentials), wire(call, clock, headerPolicy))
      } catch (error) {
        failure = error
      }
      ended(failure)
      const isAgain = failure ? mayMove(call, failure) : isUnserved(call) && instances.some((i) => !tried.includes(i.key))
      const paid = isAgain && attempt < ATTEMPTS && clock.now() < call.request.deadline ? withdraw(budget, clock.now()) : null
      if (paid) budget = paid
      else if (failure) throw failure
      else return
    }
  }

  return async (call) => {
    try {
      if (call.callee.kind === 'mesh') await askMesh(call)
      else {
        const { kind, name, origin } = call.callee
        call.answer = await send(kind === 'fixed' ? connect.mesh(name, origin, call.credentials) : connect.external(origin), wire(call, clock, headerPolicy))
      }
      call.isFailure = call.answer!.status >= 500
      call.answer!.headers = headerPolicy.response(call.answer!.headers, call.callee.headers.get(call.operation.id)?.response ?? NO_NAMES)
    } catch (error) {
      if (!(error instanceof SendError)) throw error
      call.isFailure = error.kind !== 'aborted'
      throw asProblem(error, call.callee.name)
    }
  }
}

/** Nothing was sent, so nothing can happen twice; or it may. A token that is good once stays where it went. */
function mayMove(call: UpstreamCall, error: unknown): boolean {
  if (!(error instanceof SendError) || call.operation.isSingleUse) return false
  return error.kind === 'not-connected' || error.kind === 'peer-mismatch' || (error.kind === 'no-answer' && isRepeatable(call))
}

/**
 * Twice is as good as once: a kept connection may end at the very moment a request is written to it, and nobody knows
 * then whether it was read. An edit of one version (If-Match) would be told of a conflict with itself.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
 */
const isRepeatable = ({ operation: { method }, request: { headers } }: UpstreamCall): boolean =>
  headers?.['if-match'] === undefined && (method !== 'POST' || headers?.['idempotency-key'] !== undefined)

/** A gateway answered for a service that is gone or busy: another instance may do the same read, or what was never begun. */
function isUnserved({ operation, answer }: UpstreamCall): boolean {
  if (answer?.status !== 503 || operation.isSingleUse) return false
  return operation.method === 'GET' || codeOf(answer.body) === UNBEGUN
}

/** What a micro-gateway says when its service never saw the call. */
const UNBEGUN = 'service-unreachable'

function codeOf(body: Buffer): unknown {
  try {
    return (JSON.parse(body.toString('utf8')) as { code?: unknown } | null)?.code
  } catch {
    return undefined
  }
}

function wire({ request, trace, callee, operation, token }: UpstreamCall, clock: Clock, headerPolicy: HeaderPolicy): SendRequest {
  const allowed = callee.headers.get(operation.id)
  const isAsIs = callee.kind === 'external' || (callee.kind === 'fixed' && allowed?.takesAuthorization)
  const authorization = isAsIs ? request.authorization : token && `Bearer ${token}`
  const headers = headerPolicy.request(request.headers ?? {}, allowed?.request ?? NO_NAMES)
  if (authorization) headers['authorization'] = authorization
  if (callee.kind !== 'external') {
    headers['traceparent'] = traceparent(trace)
    headers['deadline-ms'] = String(Math.max(1, Math.floor(request.deadline - clock.now())))
  }
  return { method: operation.method, path: pathOf(operation, request.params ?? {}, request.query ?? ''), body: request.body, deadline: request.deadline, asker: request.asker, headers }
}

function asProblem(error: SendError, callee: string): Error {
  if (error.kind === 'too-late') return DeadlineExceeded({ detail: `${callee} did not answer in time`, cause: error })
  if (error.kind === 'aborted') return Gone({ cause: error })
  if (error.kind === 'peer-mismatch') return PeerMismatch({ cause: error })
  return Unavailable({ detail: `${callee} cannot be reached`, headers: { 'retry-after': '1' }, cause: error })
}
