/**
 * One HTTP exchange over a pool, both bodies in memory. No stream objects: for small bodies they cost as much as the
 * rest of the hop.
 */
import type { Dispatcher } from 'undici'
import type { Answer } from './call.ts'
import { watchDeadline } from './too-late.ts'

/** Who waits for the answer: a response, a socket. Says 'close' when it waits no longer. An AbortSignal would do, and costs as much as the rest. */
export type Asker = { readonly destroyed: boolean; on(event: 'close', listener: () => void): unknown; off(event: 'close', listener: () => void): unknown }

export type SendRequest = {
  method: string
  /** Path and query. */
  path: string
  headers: Record<string, string>
  body?: Buffer | string | undefined
  /** Monotonic (`performance.now()`), ms. */
  deadline: number
  asker?: Asker | undefined
  /** An answer larger than this is none. */
  limitBytes?: number
}

export type SendFailure =
  /** No connection: nothing was sent. */
  | 'not-connected'
  /** Someone else than the expected workload answered the handshake: nothing was sent. */
  | 'peer-mismatch'
  /** The connection ended before an answer: the effect is unknown. */
  | 'no-answer'
  | 'too-late' | 'too-large' | 'aborted'

export class SendError extends Error {
  readonly kind: SendFailure
  constructor(kind: SendFailure, cause?: unknown) {
    super(`${kind}${cause instanceof Error ? `: ${cause.message}` : ''}`, { cause })
    this.kind = kind
  }
}

/** Not one of ours: what its certificate says of it, or who vouches for it. One that ran out is still its owner's. */
const isStranger = (code = '') => code === 'ERR_PEER_IDENTITY' || /^(?:SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(?:GET_ISSUER|VERIFY)|CERT_(?:SIGNATURE|UNTRUSTED|REJECTED)|INVALID_(?:CA|PURPOSE))/.test(code)

/** Rejects with a SendError alone. A connection whose exchange did not end cleanly is closed, never used again (S4.3). */
export function send(dispatcher: Dispatcher, { method, path, headers, body, deadline, asker, limitBytes = 8_388_608 }: SendRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let isDone = false
    let status = 0
    let answerHeaders: Record<string, string> = {}
    const chunks: Buffer[] = []
    let size = 0
    const done = () => {
      if (isDone) return false
      isDone = true
      inTime()
      asker?.off('close', leave)
      return true
    }
    const fail = (error: SendError) => {
      if (!done()) return
      reject(error)
      controller?.abort(error)
    }
    const leave = () => fail(new SendError('aborted'))
    const inTime = watchDeadline(deadline, () => fail(new SendError('too-late')))
    if (asker?.destroyed) return leave()
    asker?.on('close', leave)
    dispatcher.dispatch({ method: method as Dispatcher.HttpMethod, path, headers, body: body ?? null, headersTimeout: 0, bodyTimeout: 0 }, {
      onRequestStart(c) {
        controller = c
        if (isDone) c.abort(new SendError('aborted'))
      },
      onResponseStart(_c, code, received) {
        if (code < 200) return
        status = code
        answerHeaders = flat(received)
      },
      onResponseData(_c, chunk) {
        size += chunk.length
        if (size > limitBytes) fail(new SendError('too-large'))
        else chunks.push(chunk)
      },
      onResponseEnd() {
        if (done()) resolve({ status, headers: answerHeaders, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) })
      },
      onResponseError(_c, error) {
        if (!done()) return
        reject(new SendError(controller ? 'no-answer' : isStranger((error as NodeJS.ErrnoException).code) ? 'peer-mismatch' : 'not-connected', error))
      },
    })
  })
}

/** As received, where nothing stands twice. */
function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  let isFlat = true
  for (const name in headers) if (typeof headers[name] !== 'string') isFlat = false
  if (isFlat) return headers as Record<string, string>
  const one: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) one[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return one
}
