/** One call to a service on behalf of whoever made the request; its problems become ours (G2, S10.3). */
import { randomUUID } from 'node:crypto'
import { Conflict, DeadlineExceeded, InputInvalid, NotFound, PreconditionFailed, PreconditionRequired, Problem, Unavailable, type FieldError, type ProblemFactory } from '@shop/chassis/problem.ts'
import type { CallUpstream, UpstreamSubject } from '../upstream/call.ts'
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
  const declared = Object.entries(input?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)] as const)
  return Object.fromEntries(declared.filter(([name]) => names.includes(name)))
}

export function createAsk(callUpstream: CallUpstream, freshToken: (session: OpenSession) => Promise<string>, passOn = passDeclared): Ask {
  // Readers without a session share one guest: they have no cart that could be mixed up, and their tokens can be cached.
  const visitor = randomUUID()

  async function subjectOf(call: EdgeCall, asSelf: boolean | undefined): Promise<UpstreamSubject> {
    if (asSelf) return { kind: 'self' }
    if (call.session?.data.user) return { kind: 'token', token: await freshToken(call.session) }
    return { kind: 'guest', guest: call.session?.data.guestId ?? visitor }
  }

  return async (call, callee, operation, { params, query = {}, pass = [], headers = {}, body, asSelf, deadline = call.deadline } = {}) => {
    const search = new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])))
    const answer = await callUpstream({
      callee, operation, deadline,
      ...(params && { params }), query: search.toString(),
      headers: { accept: '*/*', ...passOn(call, pass), ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
      subject: await subjectOf(call, asSelf),
      trace: call.trace, signal: call.gone,
    }).catch((error: unknown) => { throw ofGateway(error) })
    if (answer.status >= 400) throw ofService(answer.status, answer.body, `${callee}.${operation}`)
    return { ...answer, json: () => JSON.parse(answer.body.toString('utf8')) }
  }
}

/** What our own side of the mesh refused or could not do. */
function ofGateway(error: unknown): unknown {
  if (!(error instanceof Problem) || error.code === 'client-gone') return error
  if (error.status === 401) return SessionEnded({ cause: error })
  if (error.code === 'exchange-denied' || error.code === 'access-denied') return RoleNotAllowed({ cause: error, evidence: { reason: error.code } })
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
