/** Hands a GET on and answers with what came: no stream objects, few headers, raw arrays, the body in one piece. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Pool } from 'undici'

export const fail = (response: ServerResponse): void => { if (response.headersSent) response.destroy(); else response.writeHead(502).end() }

export function handOn(pool: Pool, path: string, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  let status = 0
  let headers: string[] = []
  pool.dispatch({ method: 'GET', path, headers: ['accept', request.headers.accept ?? '*/*'] }, {
    onRequestStart() {},
    onResponseStart(_controller, code, received) {
      status = code
      headers = ['content-type', String(received['content-type']), 'etag', String(received['etag'])]
    },
    onResponseData(_controller, chunk) { chunks.push(chunk) },
    onResponseEnd() {
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
      headers.push('content-length', String(body.length))
      response.writeHead(status, headers).end(body)
    },
    onResponseError() { fail(response) },
  })
}
