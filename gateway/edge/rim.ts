/** The one place where an answer or a refusal becomes an HTTP response. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '@shop/chassis/log.ts'
import { Internal, Problem, PROBLEM_TYPE, problemBody } from '@shop/chassis/problem.ts'
import { detailOf, type Report } from '@shop/chassis/security-event.ts'
import { httpSpan, type Telemetry } from '@shop/chassis/telemetry.ts'
import { newTrace } from '@shop/chassis/trace.ts'
import { readBody } from '../stages/limit-body.ts'
import { BodyEncoded } from './problems.ts'
import { html, seeOther, type Answer, type Door, type EdgeCall } from './call.ts'
import type { Storefront } from './page.ts'

/** How long a request may take in all; an operation may ask for more (x-timeout-ms). */
const REQUEST_MS = 10_000
/** Belong to a connection, or are ours to say: never copied from an answer. */
const OWN = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'te', 'trailer', 'upgrade', 'proxy-authenticate', 'date', 'set-cookie'])

export type RimParts = { run(call: EdgeCall): Promise<void>; storefront: Storefront; log: Logger; report: Report; telemetry: Telemetry; stopping: AbortSignal }

export const createRim = ({ run, storefront, log, report, telemetry, stopping }: RimParts) => async (door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> => {
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
    await write(call, answer, response)
  } catch (error) {
    log.warn({ err: error, traceId: call.trace.traceId }, 'the answer was not written whole')
    response.destroy()
  }
  const target = call.target
  const operation = target?.kind === 'operation' ? target.operation.id : target?.kind === 'page' ? target.route : target?.kind
  const route = target?.kind === 'operation' ? target.operation.path : target?.kind === 'page' ? target.route : undefined
  telemetry.record(call.trace, startedAt, () => httpSpan('server', call.method, route, answer.status, failure, { 'shop.operation': operation, 'shop.door': door.name }))
  log.info({ traceId: call.trace.traceId, door: door.name, method: call.method, operation, status: answer.status, ms: Math.round((performance.now() - startedAt) * 10) / 10 }, 'request')

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
    if (!call.isNavigation || call.door.name !== 'web') return { status: known.status, headers: { ...headers, 'content-type': PROBLEM_TYPE }, body: JSON.stringify(view) }
    // A person is asked to sign in, and comes back.
    if (known.code === 'sign-in-required' && call.method === 'GET') return seeOther(`/login?return=${encodeURIComponent(call.path + (call.query && `?${call.query}`))}`)
    return html(known.status, storefront.problemPage(view), headers)
  }

  async function write(call: EdgeCall, answer: Answer, response: ServerResponse): Promise<void> {
    if (response.destroyed) return
    const own = Object.entries(answer.headers).filter(([name]) => !OWN.has(name))
    const headers: Record<string, string | string[]> = { ...call.headers, ...Object.fromEntries(own) }
    if (call.cookies.length) {
      headers['set-cookie'] = call.cookies
      headers['cache-control'] = 'no-store' // a kept copy would hand one visitor's cookie to another
    }
    // What was not read of a request is not kept for later.
    if (stopping.aborted || !request.complete || answer.headers['connection'] === 'close') headers['connection'] = 'close'
    if (!answer.stream) {
      const body = answer.json === undefined ? answer.body : JSON.stringify(answer.json)
      if (answer.status !== 204 && answer.status !== 304) headers['content-length'] = String(Buffer.byteLength(body ?? ''))
      response.writeHead(answer.status, headers).end(body)
      return
    }
    response.writeHead(answer.status, headers).flushHeaders()
    await answer.stream(async (chunk) => {
      if (!response.write(chunk)) await new Promise<void>((resolve) => { response.once('drain', resolve).once('close', resolve) })
    }, call.gone).finally(() => response.end())
  }
}

function openCall(door: Door, request: IncomingMessage, response: ServerResponse, startedAt: number): EdgeCall {
  const leaving = new AbortController()
  response.once('close', () => { if (!response.writableFinished) leaving.abort() })
  const url = request.url ?? '/'
  const at = url.indexOf('?')
  const header = (name: string) => { const value = request.headers[name.toLowerCase()]; return typeof value === 'string' ? value : value?.join(', ') }
  let body: Promise<Buffer> | undefined
  return {
    door, request, header,
    method: request.method ?? '', path: at < 0 ? url : url.slice(0, at), query: at < 0 ? '' : url.slice(at + 1),
    address: request.socket.remoteAddress ?? '', trace: newTrace(false), deadline: startedAt + REQUEST_MS, gone: leaving.signal,
    isNavigation: /\btext\/html\b/.test(header('accept') ?? ''),
    body: (limit) => (body ??= (async () => {
      if (header('content-encoding') !== undefined) throw BodyEncoded()
      return (await readBody(request, limit)) ?? Buffer.alloc(0)
    })()),
    headers: {}, cookies: [],
  }
}
