/**
 * The front of a control-plane process: the operations of its openapi.yaml on node:https, without Express.
 * Strict input, a problem for each refusal, an event for each misuse; the handlers hold the meaning.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from './log.ts'
import type { Api, CheckedRequest, Operation } from './operation.ts'
import { Internal, Problem, PROBLEM_TYPE, problemBody } from './problem.ts'
import { readBody } from './read-body.ts'
import { detailOf, type Report } from './security-event.ts'
import { parseTraceparent } from './trace.ts'

/** `body` is parsed JSON, or for a form its text. */
export type ApiCall = CheckedRequest & { req: IncomingMessage; res: ServerResponse; traceId: string | undefined }
/** `sent`: the handler took over the response (a stream). */
export type ApiReply = { status: number; body?: unknown; headers?: Record<string, string> } | 'sent'
export type ApiHandlers = Record<string, (call: ApiCall) => Promise<ApiReply> | ApiReply>

export type ApiParts = {
  api: Api
  handlers: ApiHandlers
  log: Logger
  report: Report
  /** The control that a refusal is booked under, as the lab knows it. */
  control: { name: string; strategies: string[] }
  /** Who asks, for event and log; must not throw. */
  subjectOf(req: IncomingMessage): string | undefined
}

/** Throws when operations and handlers differ. */
export function createControlApi({ api, handlers, log, report, control, subjectOf }: ApiParts): (req: IncomingMessage, res: ServerResponse) => void {
  const odd = [...new Set([...api.operations.keys(), ...Object.keys(handlers)])].filter((id) => !api.operations.has(id) || !handlers[id])
  if (odd.length) throw new Error(`openapi.yaml and handlers differ: ${odd.join(', ')}`)
  return (req, res) => {
    const traceId = parseTraceparent(one(req, 'traceparent'))?.traceId
    let operation: Operation | undefined
    answer().catch((error: unknown) => {
      const problem = error instanceof Problem ? error : Internal({ cause: error })
      problem.control ??= control
      const about = { traceId, operation: operation?.id, subject: subjectOf(req)?.slice(0, 128), address: req.socket.remoteAddress }
      if (problem.status >= 500) log.error({ err: error, ...about }, problem.code)
      else log.info({ code: problem.code, errors: problem.options.errors, evidence: problem.options.evidence, ...about }, 'refused')
      const detail = detailOf(problem, about)
      if (detail) report(detail)
      if (res.headersSent) return void res.destroy()
      // What was not read cannot be skipped safely on a kept connection.
      if (!req.complete) res.setHeader('connection', 'close')
      res.writeHead(problem.status, { ...problem.options.headers, 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store' }).end(JSON.stringify(problemBody(problem, traceId)))
    })
    async function answer(): Promise<void> {
      const url = req.url ?? ''
      const at = url.indexOf('?')
      const found = api.match(req.method ?? '', at < 0 ? url : url.slice(0, at))
      operation = found.operation
      const body = await readBody(req, operation, one(req, 'content-type'))
      const checked = operation.checkRequest({ params: found.params, query: at < 0 ? '' : url.slice(at + 1), header: (name) => one(req, name), body })
      const reply = await handlers[operation.id]!({ ...checked, req, res, traceId })
      if (reply === 'sent') return
      const { status, body: answered, headers } = reply
      if (answered === undefined) return void res.writeHead(status, { 'cache-control': 'no-store', ...headers }).end()
      const text = typeof answered === 'string' ? answered : JSON.stringify(answered)
      // With its length known the answer leaves in one piece.
      res.writeHead(status, { ...(text !== answered && { 'content-type': 'application/json' }), 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store', ...headers }).end(text)
    }
  }
}

/** A header that stands twice is as good as absent: nobody may choose which of two counts. `name` in lower case. */
function one({ rawHeaders }: IncomingMessage, name: string): string | undefined {
  let value: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const other = rawHeaders[i]!
    if (other.length !== name.length || other.toLowerCase() !== name) continue
    if (value !== undefined) return undefined
    value = rawHeaders[i + 1]
  }
  return value
}
