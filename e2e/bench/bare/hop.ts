/** The micro-gateway's counterpart without a control: plain TCP, or mutual TLS for the pairs of edges alone, to the service's Unix socket. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import { Pool } from 'undici'
import { handOn } from './hand-on.ts'
import { onceTold, tell } from './told.ts'

export type HopTold = { tls: boolean; key: string; certificate: string; roots: string; socket: string }

const { tls, key, certificate, roots, socket } = await onceTold<HopTold>()
const pool = new Pool('http://service', { socketPath: socket, connections: 64, pipelining: 1 })

const forward = (request: IncomingMessage, response: ServerResponse): void => handOn(pool, request.url!, request, response)

const options = { noDelay: true, keepAliveTimeout: 75_000, optimizeEmptyRequests: true }
const server = tls ? https.createServer({ ...options, key, cert: certificate, ca: roots, requestCert: true, minVersion: 'TLSv1.3' }, forward) : http.createServer(options, forward)
server.listen(0, '127.0.0.1', () => tell(server.address()))
