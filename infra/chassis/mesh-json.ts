/**
 * One JSON answer over a kept connection, within a deadline. For the control plane's own small questions.
 *
 * No streams and no abort signals: for bodies this small they cost more than the rest of the hop.
 */
import type { Dispatcher } from 'undici'

const MAX_ANSWER_BYTES = 262_144
const ACCEPT = ['accept', 'application/json']
const ACCEPT_AND_SEND = [...ACCEPT, 'content-type', 'application/json']

/** `body`: parsed; undefined where there is none. */
export type JsonAnswer = { status: number; body: unknown }

/** Rejects when the peer cannot be reached, is late, says too much, or says something else than JSON. */
export function askJson(dispatcher: Dispatcher, method: Dispatcher.HttpMethod, path: string, timeoutMs: number, question?: unknown): Promise<JsonAnswer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let status = 0
    let size = 0
    let failure: Error | undefined
    const chunks: Buffer[] = []
    const fail = (error: Error) => {
      failure ??= error
      clearTimeout(timer)
      reject(failure)
      controller?.abort(failure)
    }
    const timer = setTimeout(() => fail(new Error(`${path}: no answer within ${timeoutMs} ms`)), timeoutMs)
    const body = question === undefined ? null : JSON.stringify(question)
    dispatcher.dispatch({ method, path, headers: body === null ? ACCEPT : ACCEPT_AND_SEND, body }, {
      onRequestStart(c) {
        controller = c
        if (failure) c.abort(failure)
      },
      onResponseStart(_c, code) { status = code },
      onResponseData(_c, chunk) {
        size += chunk.length
        if (size > MAX_ANSWER_BYTES) fail(new Error(`${path}: the answer is too large`))
        else chunks.push(chunk)
      },
      onResponseEnd() {
        clearTimeout(timer)
        try {
          resolve({ status, body: size === 0 ? undefined : JSON.parse((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8')) })
        } catch (cause) {
          reject(new Error(`${path}: status ${status}, not JSON`, { cause }))
        }
      },
      onResponseError(_c, error) { fail(error) },
    })
  })
}

/** GET, or POST of `question`. Throws also when the status is another than 200. */
export async function fetchJson(dispatcher: Dispatcher, path: string, timeoutMs: number, question?: unknown): Promise<unknown> {
  const { status, body } = await askJson(dispatcher, question === undefined ? 'GET' : 'POST', path, timeoutMs, question)
  if (status !== 200) throw new Error(`${path}: status ${status}`)
  return body
}
