/**
 * A service's front: Express on a Unix socket that only its micro-gateway may open (S2.6).
 *
 * Operations come from the service's OpenAPI document; one without a handler, or the reverse, stops the start.
 * Input is validated here again: a service does not rely on its gateway for what its own code must stop (T8).
 */
import { createHash } from 'node:crypto'
import { renameSync, rmSync } from 'node:fs'
import http from 'node:http'
import express, { type NextFunction, type Request, type Response } from 'express'
import { callerOf, type Caller } from './caller.ts'
import type { Logger } from './log.ts'
import type { Api, CheckedRequest, Operation } from './operation.ts'
import { IdempotencyMismatch, Internal, OperationUnknown, Problem, PROBLEM_TYPE, problemBody } from './problem.ts'
import { hasBody, readBody } from './read-body.ts'
import { detailOf, type Report } from './security-event.ts'
import type { Store, Tx } from './store.ts'
import { httpSpan, silent, type Telemetry } from './telemetry.ts'
import { continueTrace, traceparent, type TraceContext } from './trace.ts'

export type { Caller }
export type Call = {
  params: any
  query: any
  /** Declared header parameters by lower-case name. */
  headers: any
  body: any
  caller: Caller
  /** Ours: hand it to neighbours and events. */
  traceparent: string
  /** Aborts when the caller leaves or its deadline passes. */
  signal: AbortSignal
  /** Unsafe methods: an open transaction that commits with the reply. Otherwise, and with `x-transaction: none`: the pool. */
  tx: Tx
}
export type Reply = { status: number; body?: unknown; headers?: Record<string, string> }
export type Routes = Record<string, (call: Call) => Promise<Reply>>

export const ok = (body: unknown, headers?: Record<string, string>): Reply => ({ status: 200, body, ...(headers && { headers }) })
export const created = (body: unknown, headers?: Record<string, string>): Reply => ({ status: 201, body, ...(headers && { headers }) })
export const noContent = (): Reply => ({ status: 204 })

export type ServiceParts = { api: Api; routes: Routes; store: Store; log: Logger; report: Report; version: string; telemetry?: Telemetry }

/** Builds the Express application. */
export function createApp({ api, routes, store, log, report, version, telemetry = silent }: ServiceParts): express.Express {
  const missing = [...api.operations.keys()].filter((id) => !routes[id])
  const extra = Object.keys(routes).filter((id) => !api.operations.has(id))
  if (missing.length || extra.length) throw new Error(`openapi.yaml and routes differ: without handler ${missing.join(', ') || '-'}, without operation ${extra.join(', ') || '-'}`)
  const app = express()
  app.disable('x-powered-by').disable('etag')
  app.use((req, res, next) => {
    if (req.method === 'GET' && req.url === '/health') return health(res)
    const trace = (res.locals['trace'] = continueTrace(one(req, 'traceparent')))
    if (trace?.isSampled) note(trace, performance.now(), req, res)
    answer(req, res, trace).catch(next)
  })
  app.use((error: unknown, req: Request, res: Response, _next: NextFunction) => {
    const known = error instanceof Problem ? error : Internal({ cause: error })
    const trace = (res.locals['trace'] as TraceContext | null | undefined) ?? null
    res.locals['failure'] = known
    const operation = res.locals['operation'] as Operation | undefined
    if (known.status >= 500) log.error({ err: error, traceId: trace?.traceId, operation: operation?.id }, known.code)
    else log.info({ code: known.code, errors: known.options.errors, evidence: known.options.evidence, traceId: trace?.traceId, operation: operation?.id }, 'refused')
    known.control ??= { name: 'service-validation', strategies: ['T8'] }
    const detail = detailOf(known, { subject: (res.locals['caller'] as Caller | undefined)?.subject.slice(0, 128), traceId: trace?.traceId, operation: operation?.id })
    if (detail) report(detail)
    if (res.headersSent) return res.destroy()
    // What was not read cannot be skipped safely on a kept connection.
    if (!req.complete) res.setHeader('connection', 'close')
    write(res, known.status, known.options.headers, PROBLEM_TYPE_UTF8, JSON.stringify(problemBody(known, trace?.traceId)))
  })
  return app

  function health(res: Response): void {
    store.query('select 1').then(() => send(res, ok({ status: 'ok', version })), () => send(res, { status: 503, body: { status: 'store-unavailable', version } }))
  }

  function note(trace: TraceContext, startedAt: number, req: Request, res: Response): void {
    res.once('close', () => telemetry.record(trace, startedAt, () => {
      const { operation, caller, failure } = res.locals as { operation?: Operation; caller?: Caller; failure?: Problem }
      return httpSpan('server', req.method, operation?.path, res.writableFinished ? res.statusCode : undefined, failure, { 'shop.operation': operation?.id, 'shop.txn': caller?.txn })
    }))
  }

  async function answer(req: Request, res: Response, trace: TraceContext | null): Promise<void> {
    const at = req.url.indexOf('?')
    const { operation, params } = api.match(req.method, at < 0 ? req.url : req.url.slice(0, at))
    res.locals['operation'] = operation
    const handler = routes[operation.id]
    if (!handler) throw OperationUnknown()
    const caller = (res.locals['caller'] = callerOf(one(req, 'authorization')))
    const body = hasBody(req) ? await readBody(req, operation, one(req, 'content-type')) : undefined
    const checked = operation.checkRequest({ params, query: at < 0 ? '' : req.url.slice(at + 1), header: (name) => one(req, name), body })
    const callOn = (tx: Tx): Call => new ReceivedCall(checked, caller, tx, trace, req, res, operation)
    const isRead = operation.method === 'GET'
    const reply = isRead || operation.spec['x-transaction'] === 'none'
      ? await handler(callOn(store))
      : await store.transaction((tx) => (operation.isIdempotentWrite ? once(tx, operation, callOn(tx), handler) : handler(callOn(tx))))
    send(res, reply)
  }
}

/** Node joins what stands twice; of our headers none is a list. */
const one = (req: Request, name: string): string | undefined => req.headers[name] as string | undefined

/** What few handlers ask for is made when they do: a signal costs as much as a query. */
class ReceivedCall implements Call {
  readonly params: any
  readonly query: any
  readonly headers: any
  readonly body: any
  readonly caller: Caller
  readonly tx: Tx
  readonly #trace: TraceContext | null
  readonly #req: Request
  readonly #res: Response
  readonly #operation: Operation
  #signal: AbortSignal | undefined

  constructor({ params, query, headers, body }: CheckedRequest, caller: Caller, tx: Tx, trace: TraceContext | null, req: Request, res: Response, operation: Operation) {
    this.params = params
    this.query = query
    this.headers = headers
    this.body = body
    this.caller = caller
    this.tx = tx
    this.#trace = trace
    this.#req = req
    this.#res = res
    this.#operation = operation
  }

  get traceparent(): string { return this.#trace ? traceparent(this.#trace) : '' }
  get signal(): AbortSignal { return (this.#signal ??= signalOf(this.#res, deadlineOf(this.#req, this.#operation))) }
}

function deadlineOf(req: Request, operation: Operation): number {
  const left = Number(one(req, 'deadline-ms') ?? operation.timeoutMs)
  return Number.isFinite(left) && left > 0 ? Math.min(left, 120_000) : 1
}

function signalOf(res: Response, deadlineMs: number): AbortSignal {
  const leaving = new AbortController()
  if (res.closed) leaving.abort()
  else res.once('close', () => leaving.abort())
  return AbortSignal.any([leaving.signal, AbortSignal.timeout(deadlineMs)])
}

/** Express derives these for every answer anew. */
const [JSON_UTF8, PROBLEM_TYPE_UTF8] = ['application/json', PROBLEM_TYPE].map((type) => `${type}; charset=utf-8`) as [string, string]

function send(res: Response, { status, body, headers }: Reply): void {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) write(res, status, headers, undefined, body)
  else write(res, status, headers, JSON_UTF8, JSON.stringify(body))
}

/** Head and body in one piece, and one write. `type` goes before one among the headers. */
function write(res: Response, status: number, headers: Record<string, string> | undefined, type: string | undefined, body: string | Buffer = ''): void {
  const head: (string | number)[] = []
  for (const name in headers) if (type === undefined || name.toLowerCase() !== 'content-type') head.push(name, headers[name]!)
  if (type !== undefined) head.push('content-type', type)
  if (status !== 204 && status !== 304) head.push('content-length', Buffer.byteLength(body))
  res.writeHead(status, head as string[]).end(body)
}

/**
 * An Idempotency-Key's first answer is kept in the transaction that made it, and given again for the same request (S8.3).
 * Two at once: the second waits on the row of the first.
 */
async function once(tx: Tx, operation: Operation, call: Call, handler: (call: Call) => Promise<Reply>): Promise<Reply> {
  const key = call.headers['idempotency-key'] as string
  const hash = createHash('sha256').update(JSON.stringify([operation.id, call.params, call.query, call.body ?? null])).digest('base64url')
  const { rows } = await tx.query(
    `insert into idempotency as i (subject, key, request_hash) values ($1, $2, $3)
     on conflict (subject, key) do update set key = i.key
     returning request_hash, status, headers, body`, [call.caller.subject, key, hash])
  const kept = rows[0]
  if (kept.request_hash !== hash) throw IdempotencyMismatch()
  if (kept.status !== null) return { status: kept.status, ...(kept.body !== null && { body: kept.body }), headers: { ...kept.headers, 'idempotency-replayed': 'true' } }
  const reply = await handler(call)
  await tx.query('update idempotency set status = $3, headers = $4, body = $5 where subject = $1 and key = $2',
    [call.caller.subject, key, reply.status, JSON.stringify(reply.headers ?? {}), reply.body === undefined ? null : JSON.stringify(reply.body)])
  return reply
}

/** Longer than the micro-gateway keeps an idle connection: each is used, and told to end, or ended before we end it under a request. */
const MOVE_MS = 1_000

/** Listens on `path`, replacing a predecessor's socket in one rename. Close waits for requests in flight. */
export async function listenOnSocket(handler: http.RequestListener, path: string): Promise<{ close(): Promise<void> }> {
  let isClosing = false
  const server = http.createServer({ optimizeEmptyRequests: true, keepAliveTimeout: 75_000, requestTimeout: 30_000, maxHeaderSize: 16_384 }, (req, res) => {
    if (isClosing) res.setHeader('connection', 'close')
    handler(req, res)
  })
  const fresh = `${path}.${process.pid}`
  rmSync(fresh, { force: true })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(fresh, resolve))
  renameSync(fresh, path)
  return {
    async close() {
      isClosing = true
      await new Promise((resolve) => setTimeout(resolve, MOVE_MS))
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      })
    },
  }
}
