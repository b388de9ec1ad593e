/**
 * The edge's counterpart without a control: TLS in, kept connections to the next hop. Two of them: as one writes it from
 * undici's documentation, and with what is known to make it cheap. GET only, which is all that is asked here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import { pipeline } from 'node:stream'
import { Pool } from 'undici'
import { fail, handOn } from './hand-on.ts'
import { onceTold, tell } from './told.ts'

export type ProxyTold = { style: 'idiomatic' | 'tuned'; key: string; certificate: string; roots: string; upstream: string; upstreamName: string }

const { style, key, certificate, roots, upstream, upstreamName } = await onceTold<ProxyTold>()
const pool = new Pool(upstream, { connections: 64, pipelining: 1, connect: { key, cert: certificate, ca: roots, servername: upstreamName, checkServerIdentity: () => undefined } })

/** The public API stands below /api. */
const pathOf = (request: IncomingMessage) => request.url!.slice('/api'.length)

function idiomatic(request: IncomingMessage, response: ServerResponse): void {
  const { connection: _, host: __, ...headers } = request.headers
  pool.request({ method: 'GET', path: pathOf(request), headers }).then(({ statusCode, headers: { connection: _c, 'keep-alive': _k, 'transfer-encoding': _t, ...received }, body }) => {
    response.writeHead(statusCode, received)
    pipeline(body, response, () => {})
  }, () => fail(response))
}

const tuned = (request: IncomingMessage, response: ServerResponse): void => handOn(pool, pathOf(request), request, response)

const server = https.createServer({ key, cert: certificate, minVersion: 'TLSv1.3', noDelay: true, keepAliveTimeout: 75_000, ...(style === 'tuned' && { optimizeEmptyRequests: true }) }, style === 'tuned' ? tuned : idiomatic)
server.listen(0, '127.0.0.1', () => tell(server.address()))
