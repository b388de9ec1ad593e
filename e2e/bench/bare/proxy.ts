/**
 * The edge's counterpart without a control: TLS in, kept connections to the next hop. Two of them: as one writes it from
 * undici's documentation, and with what is known to make it cheap. GET only, which is all that is asked here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import { pipeline } from 'node:stream'
import { Pool } from 'undici'
import { onceTold, tell } from './told.ts'

export type ProxyTold = { style: 'idiomatic' | 'tuned'; key: string; certificate: string; roots: string; upstream: string; upstreamName: string }

const { style, key, certificate, roots, upstream, upstreamName } = await onceTold<ProxyTold>()
const pool = new Pool(upstream, { connections: 64, pipelining: 1, connect: { key, cert: certificate, ca: roots, servername: upstreamName, checkServerIdentity: () => undefined } })

/** The public API stands below /api. */
const pathOf = (request: IncomingMessage) => request.url!.slice('/api'.length)
const fail = (response: ServerResponse) => { if (response.headersSent) response.destroy(); else response.writeHead(502).end() }

function idiomatic(request: IncomingMessage, response: ServerResponse): void {
  const { connection: _, host: __, ...headers } = request.headers
  pool.request({ method: 'GET', path: pathOf(request), headers }).then(({ statusCode, headers: { connection: _c, 'keep-alive': _k, 'transfer-encoding': _t, ...received }, body }) => {
    response.writeHead(statusCode, received)
    pipeline(body, response, () => {})
  }, () => fail(response))
}

/** No stream objects, few headers, raw arrays, the body in one piece. */
function tuned(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  let status = 0
  let headers: string[] = []
  pool.dispatch({ method: 'GET', path: pathOf(request), headers: ['accept', request.headers.accept ?? '*/*'] }, {
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

const server = https.createServer({ key, cert: certificate, minVersion: 'TLSv1.3', noDelay: true, keepAliveTimeout: 75_000, ...(style === 'tuned' && { optimizeEmptyRequests: true }) }, style === 'tuned' ? tuned : idiomatic)
server.listen(0, '127.0.0.1', () => tell(server.address()))
