/**
 * Every error a caller can see, as RFC 9457 problem details.
 *
 * A problem is one line: code, status, title, what to do. `evidence` and `cause` are for the log and the monitor;
 * they are never sent. The rim of a process alone turns a problem into a response.
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */
export type FieldError = { field: string; message: string }

export type ProblemOptions = {
  /** One sentence about this very occurrence, safe to show the caller. */
  detail?: string
  /** What is wrong with which field: 'body.lines[0].quantity', 'query.page', 'header.idempotency-key'. */
  errors?: FieldError[]
  /** For the log and the monitor only. */
  evidence?: Record<string, unknown>
  cause?: unknown
  /** Extra response headers, e.g. Allow, Retry-After, WWW-Authenticate. */
  headers?: Record<string, string>
}

/** What a refusal tells the monitor: its detection id (AppSensor's, or one of ours such as TOKEN-INVALID). */
export type Detection = string

export class Problem extends Error {
  readonly code: string
  readonly status: number
  readonly title: string
  readonly advice: string
  readonly detection: Detection | undefined
  readonly options: ProblemOptions
  /** The control that refused, set by the pipeline: name and strategy ids. */
  control: { name: string; strategies: string[] } | undefined

  constructor(kind: ProblemKind, options: ProblemOptions = {}) {
    super(options.detail ?? kind.title, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Problem'
    this.code = kind.code
    this.status = kind.status
    this.title = kind.title
    this.advice = kind.advice
    this.detection = kind.detection
    this.options = options
  }
}

export type ProblemKind = { code: string; status: number; title: string; advice: string; detection: Detection | undefined }
/** Call it to make the problem: `throw TokenReplayed({ evidence: { jti } })`. */
export type ProblemFactory = ((options?: ProblemOptions) => Problem) & ProblemKind

/** Defines a kind of problem: a stable code, its HTTP status, a title, and what the caller can do about it. */
export function problem(code: string, status: number, title: string, advice: string, detection?: Detection): ProblemFactory {
  const kind: ProblemKind = { code, status, title, advice, detection }
  return Object.assign((options?: ProblemOptions) => new Problem(kind, options), kind)
}

/** The body of a problem response. `type` is relative: the storefront serves a page for every code. */
export function problemBody(p: Problem, traceId?: string): Record<string, unknown> {
  return {
    type: `/problems/${p.code}`,
    title: p.title,
    status: p.status,
    detail: p.options.detail ?? p.advice,
    code: p.code,
    ...(p.options.errors && { errors: p.options.errors }),
    ...(traceId && { traceId }),
  }
}

export const PROBLEM_TYPE = 'application/problem+json'

// Kinds that every process may answer. Others stand beside the code that throws them.
export const Internal = problem('internal', 500, 'Something went wrong on our side', 'Try again; if it stays, quote the trace id', 'CRASH')
export const NotFound = problem('not-found', 404, 'There is nothing here for you', 'Check the address')
/** Another's resource answers like one that is not there, because its existence is nobody's business; but it is reported (S2.1). */
export const NotYours = problem('not-found', 404, 'There is nothing here for you', 'Check the address', 'ACE1')
export const OperationUnknown = problem('operation-unknown', 404, 'No such operation', 'Read the API description', 'ACE3')
export const MethodNotAllowed = problem('method-not-allowed', 405, 'This method is not defined here', 'Use one named in Allow', 'RE1')
export const MediaTypeUnsupported = problem('media-type-unsupported', 415, 'This media type is not accepted here', 'Send application/json', 'RE8')
export const BodyTooLarge = problem('body-too-large', 413, 'The body is larger than this operation allows', 'Send less', 'RE7')
export const BodyIncomplete = problem('body-incomplete', 400, 'The body ended early', 'Send the whole body')
export const BodyMalformed = problem('body-malformed', 400, 'The body is not valid JSON', 'Send one JSON value in UTF-8', 'RE8')
export const InputInvalid = problem('input-invalid', 400, 'The request does not fit the API description', 'Mend the fields named in errors', 'IE2')
export const ParameterUnexpected = problem('parameter-unexpected', 400, 'The request has a parameter that this operation does not know', 'Leave out the fields named in errors', 'RE5')
export const HostUnknown = problem('host-unknown', 421, 'This door does not answer for that host', 'Use the address you were given', 'RE3')
export const PathMalformed = problem('path-malformed', 400, 'The path is not in canonical form', 'Send each segment once-encoded and without dot segments', 'EE1')
export const Unavailable = problem('unavailable', 503, 'A part of the shop is not reachable right now', 'Try again in a moment')
export const DeadlineExceeded = problem('deadline-exceeded', 504, 'The answer did not come in time', 'Try again')
export const Conflict = problem('conflict', 409, 'The request does not fit the present state', 'Read the resource again')
export const PreconditionFailed = problem('precondition-failed', 412, 'The resource has changed since you read it', 'Read it again and repeat your edit')
export const PreconditionRequired = problem('precondition-required', 428, 'This edit needs If-Match', 'Send the ETag you read')
export const IdempotencyMismatch = problem('idempotency-mismatch', 422, 'This Idempotency-Key was used with another request', 'Use a new key for a new request', 'IE4')
