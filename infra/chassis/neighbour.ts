/**
 * How a service calls another: plain HTTP to its own micro-gateway's outbound socket, naming the callee as host.
 * Discovery, balancing, token exchange and mutual TLS happen there; this code knows none of them (S3.5, S6.1).
 */
import { Pool } from 'undici'
import type { Caller } from './caller.ts'
import { DeadlineExceeded, Unavailable } from './problem.ts'

export type NeighbourRequest = {
  method: string
  /** Path and query as in the callee's OpenAPI document. */
  path: string
  /** Sent as JSON; bytes are JSON already. */
  body?: unknown
  /** Act for this caller; left out, the service acts as itself. */
  actFor?: Caller
  /** Sent as it is; for parties outside the mesh only. */
  authorization?: string
  idempotencyKey?: string
  headers?: Record<string, string>
  traceparent?: string
  timeoutMs?: number
  signal?: AbortSignal
}
export type NeighbourAnswer = { status: number; headers: Record<string, string | string[] | undefined>; body: any }
export type Neighbour = {
  /** Any answer is returned, refusals too. Throws unavailable or deadline-exceeded when there was none: the effect is then unknown. */
  request(request: NeighbourRequest): Promise<NeighbourAnswer>
}

/** All neighbours share the one socket to the micro-gateway. */
export function createNeighbours(outboundSocket: string): { of(name: string): Neighbour; close(): Promise<void> } {
  const pool = new Pool('http://outbound', { socketPath: outboundSocket, connections: 64, keepAliveTimeout: 30_000 })
  return {
    of: (name) => ({
      async request({ method, path, body, actFor, authorization, idempotencyKey, headers, traceparent, timeoutMs = 5_000, signal }) {
        const timeout = AbortSignal.timeout(timeoutMs)
        const bearer = actFor ? `Bearer ${actFor.token}` : authorization
        const ask = () => pool.request({
          method: method as 'GET', path,
          headers: {
            host: name,
            'deadline-ms': String(timeoutMs),
            accept: 'application/json, application/problem+json',
            ...(body !== undefined && { 'content-type': 'application/json' }),
            ...(bearer && { authorization: bearer }),
            ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
            ...(traceparent && { traceparent }),
            ...headers,
          },
          body: body === undefined ? null : body instanceof Uint8Array ? body : JSON.stringify(body),
          signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        })
        try {
          // A kept connection may end as we write to it, when the gateway makes room for its successor. A read is asked again.
          const answer = await ask().catch((cause: unknown) => { if (method === 'GET' && isLost(cause)) return ask(); throw cause })
          const text = await answer.body.text()
          const isJson = /json/.test(String(answer.headers['content-type'] ?? ''))
          return { status: answer.statusCode, headers: answer.headers, body: text === '' ? undefined : isJson ? JSON.parse(text) : text }
        } catch (cause) {
          throw timeout.aborted ? DeadlineExceeded({ detail: `${name} did not answer in time`, cause }) : Unavailable({ detail: `${name} cannot be reached`, cause })
        }
      },
    }),
    close: () => pool.close(),
  }
}

const isLost = (cause: unknown): boolean => ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes((cause as NodeJS.ErrnoException | null)?.code ?? '')
