/** One call to a service on behalf of whoever made the request; its problems become ours (G2, S10.3). */
import { randomUUID } from 'node:crypto'
import { Conflict, DeadlineExceeded, InputInvalid, NotFound, PreconditionFailed, PreconditionRequired, Problem, Unavailable, type FieldError, type ProblemFactory } from '@shop/chassis/problem.ts'
import type { Answer as UpstreamAnswer, CallUpstream, UpstreamSubject } from '../upstream/call.ts'
import type { EdgeCall } from './call.ts'
import { RoleNotAllowed, SessionEnded, UpstreamUnusable } from './problems.ts'
import { servicesProblems } from './service-problems.ts'
import type { OpenSession } from './sessions/sessions.ts'

export type Question = {
  params?: Record<string, string>
  /** Absent and undefined values are left out. */
  query?: Record<string, string | number | boolean | undefined>
  /** Names of declared request headers to pass on. */
  pass?: string[]
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
  /** As the edge itself. */
  asSelf?: boolean
  /** On the clock of performance.now(); default: the request's own. */
  deadline?: number
}
export type Reply = { status: number; headers: Record<string, string>; body: Buffer; json(): any }
export type Ask = (call: EdgeCall, callee: string, operation: string, question?: Question) => Promise<Reply>

/** Statuses that a client can do something about, with the kind for codes that are not public. */
const PUBLIC: Record<number, ProblemFactory> = { 400: InputInvalid, 403: RoleNotAllowed, 404: NotFound, 409: Conflict, 412: PreconditionFailed, 422: InputInvalid, 428: PreconditionRequired }

/** Which of the client's own headers a service sees: those that the operation declares and its handler names (S10.3). */
export type PassOn = (call: EdgeCall, names: string[]) => Record<string, string>

const passDeclared: PassOn = ({ input }, names) => {
  if (names.length === 0) return {}
  const passed: Record<string, string> = {}
  for (const name of names) {
    const value: unknown = input?.headers[name]
    if (value !== undefined) passed[name] = String(value)
  }
  return passed
}

export function createAsk(callUpstream: CallUpstream, freshToken: (session: OpenSession) => Promise<string>, passOn = passDeclared): Ask {
  // Readers without a session share one guest: they have no cart that could be mixed up, and their tokens can be cached.
  const visitor = randomUUID()

  function subjectOf({ session }: EdgeCall, asSelf: boolean | undefined): UpstreamSubject | Promise<UpstreamSubject> {
    if (asSelf) return { kind: 'self' }
    if (session?.data.user) return freshToken(session).then((token) => ({ kind: 'token', token }))
    return { kind: 'guest', guest: session?.data.guestId ?? visitor }
  }

  return async (call, callee, operation, { params, query, pass = [], headers, body, asSelf, deadline = call.deadline } = {}) => {
    const subject = subjectOf(call, asSelf)
    let answer: UpstreamAnswer
    try {
      answer = await callUpstream({
        callee, operation, deadline, params, query: query && searchOf(query),
        headers: { accept: '*/*', ...passOn(call, pass), ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
        subject: subject instanceof Promise ? await subject : subject,
        trace: call.trace, asker: call.response,
      })
    } catch (error) {
      throw ofGateway(error)
    }
    const { status, headers: received, body: bytes } = answer
    if (status >= 400) throw ofService(status, bytes, `${callee}.${operation}`)
    return { status, headers: received, body: bytes, json: () => JSON.parse(bytes.toString('utf8')) }
  }
}

const searchOf = (query: NonNullable<Question['query']>): string =>
  new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))).toString()

/** What our own side of the mesh refused or could not do. */
function ofGateway(error: unknown): unknown {
  if (!(error instanceof Problem) || error.code === 'client-gone') return error
  if (error.status === 401) return SessionEnded({ cause: error })
  if (error.code === 'exchange-denied' || error.code === 'policy-denied') return RoleNotAllowed({ cause: error, evidence: { reason: error.code } })
  const about = { cause: error, evidence: { reason: error.code } }
  // Made anew: what the mesh says of a callee is not for outside (S4.1).
  if (error.status === 504) return DeadlineExceeded(about)
  if (error.status === 503 || error.status === 429) return Unavailable({ ...about, headers: { 'retry-after': error.options.headers?.['retry-after'] ?? '1' } })
  return UpstreamUnusable(about)
}

/** What the service answered. Known codes keep their name, title and fields; of others only the status is let out. */
function ofService(status: number, body: Buffer, operation: string): Problem {
  let told: { code?: unknown; detail?: unknown; errors?: unknown } = {}
  try {
    told = JSON.parse(body.toString('utf8')) as typeof told
  } catch {
    // not a problem document: the status says enough
  }
  const evidence = { reason: `${operation} ${status} ${String(told.code).slice(0, 64)}` }
  if (status === 504) return DeadlineExceeded({ evidence })
  if (status === 503 || status === 429) return Unavailable({ evidence, headers: { 'retry-after': '1' } })
  const known = servicesProblems.get(String(told.code))
  const kind = known?.status === status ? known : PUBLIC[status]
  if (!kind) return UpstreamUnusable({ evidence })
  return kind({ evidence, ...(known && status !== 404 && typeof told.detail === 'string' && { detail: told.detail.slice(0, 300) }), ...(Array.isArray(told.errors) && { errors: told.errors.slice(0, 20).flatMap(asFieldError) }) })
}

const asFieldError = (e: Partial<FieldError> | null): FieldError[] =>
  e && typeof e.field === 'string' && typeof e.message === 'string' ? [{ field: e.field.slice(0, 128), message: e.message.slice(0, 200) }] : []
