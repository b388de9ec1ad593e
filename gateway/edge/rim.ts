/** The one place where an answer or a refusal becomes an HTTP response. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequestLog, type Logger } from '@shop/chassis/log.ts'
import { Internal, Problem, PROBLEM_TYPE, problemBody } from '@shop/chassis/problem.ts'
import { detailOf, type Report } from '@shop/chassis/security-event.ts'
import { httpSpan, type Telemetry } from '@shop/chassis/telemetry.ts'
import { newTrace } from '@shop/chassis/trace.ts'
import type { Step } from '../pipeline.ts'
import { readBody } from '../stages/limit-body.ts'
import { BodyEncoded } from './problems.ts'
import { html, jsonOf, seeOther, type Answer, type Door, type EdgeCall } from './call.ts'
import type { Storefront } from './page.ts'

/** How long a request may take in all; an operation may ask for more (x-timeout-ms). */
const REQUEST_MS = 10_000
/** Belong to a connection, or are ours to say: never copied from an answer. */
const OWN = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'te', 'trailer', 'upgrade', 'proxy-authenticate', 'date', 'set-cookie'])

const NO_HEADERS: EdgeCall['headers'] = { document: {}, other: {} }

export type RimParts = { run: Step<EdgeCall>; storefront: Storefront; log: Logger; report: Report; telemetry: Telemetry; stopping: AbortSignal }

export function createRim({ run, storefront, log, report, telemetry, stopping }: RimParts) {
  const logRequest = createRequestLog(log)

  return async function handle(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now()
    const call = openCall(door, request, response, startedAt)
    let answer: Answer
    let failure: unknown
    try {
      await run(call)
      answer = call.answer!
    } catch (error) {
      answer = refuse(call, (failure = error))
    }
    try {
      const writing = write(call, answer)
      if (writing) await writing
    } catch (error) {
      log.warn({ err: error, traceId: call.trace.traceId }, 'the answer was not written whole')
      response.destroy()
    }
    const { target, trace, method } = call
    const { status } = answer
    const operation = target?.kind === 'operation' ? target.operation.id : target?.kind === 'page' ? target.route : target?.kind
    if (trace.isSampled) {
      const route = target?.kind === 'operation' ? target.operation.path : target?.kind === 'page' ? target.route : undefined
      telemetry.record(trace, startedAt, () => httpSpan('server', method, route, status, failure, { 'shop.operation': operation, 'shop.door': door.name }))
    }
    logRequest({ traceId: trace.traceId, door: door.name, method, operation, status, ms: Math.round((performance.now() - startedAt) * 10) / 10 })
  }

  function refuse(call: EdgeCall, error: unknown): Answer {
    const known = error instanceof Problem ? error : Internal({ cause: error })
    const { traceId } = call.trace
    const operation = call.target?.kind === 'operation' ? call.target.operation.id : undefined
    if (known.status >= 500) log.error({ err: error, evidence: known.options.evidence, traceId, operation }, known.code)
    else log.info({ code: known.code, control: known.control?.name, errors: known.options.errors, evidence: known.options.evidence, traceId, operation }, 'refused')
    const { data, hash } = call.session ?? {}
    const detail = detailOf(known, {
      subject: call.client ?? data?.user?.sub ?? (data && `guest:${data.guestId}`), address: call.address.slice(0, 64), traceId, operation,
      credential: hash?.toString('base64url').slice(0, 22),
    })
    if (detail) report(detail)
    const headers = { 'cache-control': 'no-store', ...known.options.headers, ...(known.detection === 'FRAMING' && { connection: 'close' }) }
    const view = { ...(problemBody(known, traceId) as { code: string; status: number; title: string; detail: string }), traceId }
    // A person navigating gets a page.
    const isNavigation = call.door.name === 'web' && /\btext\/html\b/.test(call.header('accept') ?? '')
    if (!isNavigation) return { status: known.status, headers: { ...headers, 'content-type': PROBLEM_TYPE }, body: JSON.stringify(view) }
    // A person is asked to sign in, and comes back.
    if (known.code === 'sign-in-required' && call.method === 'GET') return seeOther(`/login?return=${encodeURIComponent(call.path + (call.query && `?${call.query}`))}`)
    return html(known.status, storefront.problemPage(view), headers)
  }

  /** A promise only for a stream. */
  function write(call: EdgeCall, answer: Answer): void | Promise<void> {
    const { request, response } = call
    if (response.destroyed) return
    const headers = headersOf(call, answer)
    // What was not read of a request is not kept for later.
    if (stopping.aborted || (call.hasBody && !request.complete) || answer.headers['connection'] === 'close') headers.push('connection', 'close')
    if (answer.stream) {
      response.writeHead(answer.status, headers).flushHeaders()
      return stream(response, answer.stream)
    }
    const json = jsonOf(answer)
    const body = json === undefined ? answer.body : JSON.stringify(json)
    if (answer.status !== 204 && answer.status !== 304) headers.push('content-length', String(body === undefined ? 0 : Buffer.byteLength(body)))
    response.writeHead(answer.status, headers).end(body)
  }
}

/** Name, value, name, value: Node takes them as they are. */
function headersOf({ headers: { document, other }, cookies }: EdgeCall, { headers }: Answer): string[] {
  const raw: string[] = []
  const common = String(headers['content-type']).startsWith('text/html') ? document : other
  for (const name in common) if (headers[name] === undefined) raw.push(name, common[name]!)
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || OWN.has(name) || (cookies.length && name === 'cache-control')) continue
    if (typeof value === 'string') raw.push(name, value)
    else for (const one of value) raw.push(name, one)
  }
  for (const cookie of cookies) raw.push('set-cookie', cookie)
  if (cookies.length) raw.push('cache-control', 'no-store') // a kept copy would hand one visitor's cookie to another
  return raw
}

async function stream(response: ServerResponse, writeTo: NonNullable<Answer['stream']>): Promise<void> {
  const leaving = new AbortController()
  if (response.closed) leaving.abort()
  else response.once('close', () => leaving.abort())
  try {
    await writeTo(async (chunk) => {
      if (!response.write(chunk)) await new Promise<void>((resolve) => { response.once('drain', resolve).once('close', resolve) })
    }, leaving.signal)
  } finally {
    response.end()
  }
}

function openCall(door: Door, request: IncomingMessage, response: ServerResponse, startedAt: number): EdgeCall {
  const url = request.url ?? '/'
  const at = url.indexOf('?')
  const { headers } = request
  const header = (name: string) => { const value = headers[name]; return typeof value === 'string' ? value : value?.join(', ') }
  let body: Promise<Buffer> | undefined
  return {
    door, request, response, header,
    method: request.method ?? '', path: at < 0 ? url : url.slice(0, at), query: at < 0 ? '' : url.slice(at + 1),
    address: request.socket.remoteAddress ?? '', trace: newTrace(false), deadline: startedAt + REQUEST_MS,
    hasBody: (headers['content-length'] ?? headers['transfer-encoding'] ?? headers['content-encoding']) !== undefined,
    body: (limit) => (body ??= (async () => {
      if (header('content-encoding') !== undefined) throw BodyEncoded()
      if (header('expect') !== undefined) response.writeContinue()
      return (await readBody(request, limit)) ?? Buffer.alloc(0)
    })()),
    headers: NO_HEADERS, cookies: [], target: undefined, client: undefined, session: undefined, input: undefined, form: undefined, rawBody: undefined, answer: undefined,
  }
}
