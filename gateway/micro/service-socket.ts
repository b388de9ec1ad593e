/** The service behind its Unix socket, which only its micro-gateway may open (S2.6): the calls that passed, and its health. */
import { Pool } from 'undici'
import { DeadlineExceeded, problem, Unavailable } from '@shop/chassis/problem.ts'
import { traceparent } from '@shop/chassis/trace.ts'
import type { Step } from '../pipeline.ts'
import { operationOf } from '../stages/find-operation.ts'
import { NO_NAMES, pick, type HeaderAllowList, type Pass } from '../stages/header-allow-list.ts'
import { ResponseNotDeclared } from '../stages/response-schema.ts'
import type { Answer } from '../upstream/call.ts'
import { Gone } from '../upstream/reach.ts'
import { send, SendError } from '../upstream/send.ts'
import type { InboundCall } from './inbound-call.ts'

/** Nothing was handed on: callers may ask another instance at once, for a write as well. */
export const ServiceUnreachable = problem('service-unreachable', 503, 'This instance takes no calls right now', 'Ask another instance, or try again in a moment')

/** A service that is replaced listens on its kept connections a little longer than this. */
const IDLE_MS = 500

const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'te', 'trailer', 'upgrade', 'date'])

const TYPE = new Set(['content-type'])

export type ServiceSocket = {
  /** Sends the call on; behind all controls. */
  forward: Step<InboundCall>
  health: Step<InboundCall>
  close(): Promise<void>
}

export function serviceSocket({ path, headers, passRequest = pick, now, isDraining }: { path: string; headers: Map<string, HeaderAllowList>; /** What of the caller's headers the service sees. */ passRequest?: Pass; now: () => number; isDraining: () => boolean }): ServiceSocket {
  const pool = new Pool('http://service', { socketPath: path, connections: 64, pipelining: 1, keepAliveTimeout: IDLE_MS, keepAliveMaxTimeout: IDLE_MS, connect: { timeout: 1_000 } })
  return {
    forward(call) {
      const operation = operationOf(call)
      const passed = passRequest(call.request.headers, headers.get(operation.id)?.request ?? NO_NAMES)
      passed['authorization'] = `Bearer ${call.token}`
      passed['traceparent'] = traceparent(call.trace)
      passed['deadline-ms'] = String(Math.max(1, Math.floor(call.deadline - now())))
      return send(pool, { method: operation.method, path: call.request.url!, headers: passed, body: call.body, deadline: call.deadline, asker: call.socket })
        .then(({ status, headers: received, body }) => { call.answer = { status, headers: withoutHop(received), body } }, (cause) => { throw failure(cause) })
    },
    health(call) {
      if (call.peer.workload !== 'registrar' || call.request.method !== 'GET' || call.request.url !== '/health') return
      if (isDraining()) return void (call.answer = unwell('stopping'))
      return send(pool, { method: 'GET', path: '/health', headers: { accept: 'application/json' }, deadline: now() + 1_000, limitBytes: 4_096 })
        .then(({ status, headers: all, body }) => { call.answer = { status, headers: pick(all, TYPE), body } }, () => { call.answer = unwell('unreachable') })
    },
    close: () => pool.close(),
  }
}

function withoutHop(received: Record<string, string>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name in received) if (!HOP.has(name)) kept[name] = received[name]!
  return kept
}

const unwell = (status: string): Answer => ({ status: 503, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ status })) })

function failure(cause: unknown): Error {
  if (!(cause instanceof SendError)) return cause as Error
  if (cause.kind === 'too-late') return DeadlineExceeded({ cause })
  if (cause.kind === 'too-large') return ResponseNotDeclared({ evidence: { reason: 'larger than any answer may be' } })
  if (cause.kind === 'aborted') return Gone({ cause })
  return (cause.kind === 'not-connected' ? ServiceUnreachable : Unavailable)({ headers: { 'retry-after': '1' }, cause })
}
