/** Reads the body, never more of it than the operation allows (S5.1, S13.1). */
import type { IncomingMessage } from 'node:http'
import type { Operation } from '@shop/chassis/operation.ts'
import { BodyIncomplete, BodyTooLarge } from '@shop/chassis/problem.ts'
import type { Step } from '../pipeline.ts'

/** Undefined when there is none. Rejects with body-too-large before the first byte when the length is declared, else while reading. */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  const declared = request.headers['content-length']
  if (declared === undefined && request.headers['transfer-encoding'] === undefined) return Promise.resolve(undefined)
  if (Number(declared) > limitBytes) return Promise.reject(BodyTooLarge({ headers: { connection: 'close' } }))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > limitBytes) {
        request.pause().removeAllListeners('data')
        reject(BodyTooLarge({ headers: { connection: 'close' } }))
      } else chunks.push(chunk)
    })
    request.on('end', () => resolve(size === 0 ? undefined : chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    request.on('error', (cause) => reject(BodyIncomplete({ cause })))
  })
}

export const limitBody = <Call extends { request: IncomingMessage; operation?: Operation | undefined; body: Buffer | undefined }>(): Step<Call> => (call) => {
  const { headers } = call.request
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return
  return readBody(call.request, call.operation?.bodyLimitBytes ?? 0).then((body) => { call.body = body })
}
