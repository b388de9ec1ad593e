/** One call on its way out of the service, to the callee that its Host header names. */
import type { IncomingMessage } from 'node:http'
import type { Operation } from '@shop/chassis/operation.ts'
import { newTrace, parseTraceparent, type TraceContext } from '@shop/chassis/trace.ts'
import type { Answer } from '../upstream/call.ts'

export type OutboundCall = {
  request: IncomingMessage
  callee: string
  path: string
  query: string
  /** The service's own; a new one when it has none. */
  trace: TraceContext
  startedAt: number
  deadline: number
  operation: Operation | undefined
  params: Record<string, string>
  body: Buffer | undefined
  answer: Answer | undefined
}

export function outboundCall(request: IncomingMessage, startedAt: number): OutboundCall {
  const url = request.url ?? ''
  const at = url.indexOf('?')
  const trace = parseTraceparent(request.headers['traceparent'] as string | undefined)
  return {
    request, startedAt, deadline: startedAt + 2_000, callee: request.headers.host ?? '',
    path: at < 0 ? url : url.slice(0, at), query: at < 0 ? '' : url.slice(at + 1),
    trace: trace ?? newTrace(false), operation: undefined, params: {}, body: undefined, answer: undefined,
  }
}
