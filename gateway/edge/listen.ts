/** A door: TLS 1.3, HTTP/1.1, a strict parser, and times after which a slow client is let go (S4.2, S5.1). */
import { constants } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import { answering, endConnection } from '@shop/chassis/plain-http.ts'
import { MethodNotAllowed, problem, PROBLEM_TYPE, problemBody, type Problem } from '@shop/chassis/problem.ts'
import { detailOf, type Report } from '@shop/chassis/security-event.ts'
import { newTrace } from '@shop/chassis/trace.ts'
import { METHODS } from '../stages/allow-methods.ts'
import { FramingInvalid, HeadersTooLarge } from './problems.ts'

export const RequestTooSlow = problem('request-too-slow', 408, 'The request did not arrive in time', 'Send it in one go')

export type DoorOptions = {
  host: string
  port: number
  /** PEM. */
  certificate: string
  key: string
  /** PEM: ask for a client certificate of this authority. A stage refuses who has none. */
  clientRoots?: string
  /** Never in production: reads two lengths, broken line ends and the like as some reading of them. */
  isParserLenient?: boolean
}

/** `open`: how many connections there are. `drain` takes no more, closes those that wait for a request, and lets the others end. */
export type Listening = { port: number; open(): number; drain(): Promise<void> }

export async function listenAt(door: DoorOptions, handle: (request: IncomingMessage, response: ServerResponse) => void, report: Report): Promise<Listening> {
  const server = https.createServer({
    key: door.key, cert: door.certificate, minVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1'], handshakeTimeout: 10_000,
    ...(door.clientRoots && { ca: door.clientRoots, requestCert: true, rejectUnauthorized: false, secureOptions: constants.SSL_OP_NO_TICKET }),
    // A missing Host is refused by a control, with an event.
    insecureHTTPParser: door.isParserLenient === true, requireHostHeader: false, maxHeaderSize: 16_384, joinDuplicateHeaders: false,
    headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 30_000, connectionsCheckingInterval: 5_000, noDelay: true,
    // Where there is no body nobody reads one.
    optimizeEmptyRequests: true,
  }, (request, response) => {
    answering(request.socket, response)
    handle(request, response)
  })
  server.maxConnections = 4_096
  let open = 0
  server.on('connection', (socket) => {
    open += 1
    socket.once('close', () => { open -= 1 })
  })
  server.maxRequestsPerSocket = 10_000
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable) return void socket.destroy()
    end(socket, problemOf(error.code), report)
  })
  // Whoever waits for our word before the body gets it when the body is read, and no other expectation is met.
  for (const event of ['checkContinue', 'checkExpectation'] as const) server.on(event, (request, response) => server.emit('request', request, response))
  server.on('connect', (_request, socket) => end(socket, MethodNotAllowed({ headers: { allow: METHODS.join(', ') } }), report))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host: door.host, port: door.port, ...(process.platform === 'linux' && { reusePort: true }) }, resolve))
  return {
    port: (server.address() as { port: number }).port,
    open: () => open,
    drain: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
      setTimeout(() => server.closeAllConnections(), 8_000).unref()
    }),
  }
}

function problemOf(code: string | undefined): Problem {
  if (code === 'HPE_INVALID_METHOD') return MethodNotAllowed({ headers: { allow: METHODS.join(', ') } })
  if (code === 'HPE_HEADER_OVERFLOW') return HeadersTooLarge()
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return RequestTooSlow()
  return FramingInvalid({ evidence: { reason: code ?? 'unparsable' } })
}

/** One refusal for what never became a request, in its turn, then the end: no byte behind it is read as a second one. */
function end(socket: Duplex, refusal: Problem, report: Report): void {
  const { traceId } = newTrace(false)
  refusal.control = { name: refusal.code === MethodNotAllowed.code ? 'method-allow-list' : 'canonical-request', strategies: ['S5.1'] }
  const detail = detailOf(refusal, { traceId, address: (socket as Duplex & { remoteAddress?: string }).remoteAddress })
  const body = JSON.stringify(problemBody(refusal, traceId))
  const headers = { ...refusal.options.headers, 'content-type': PROBLEM_TYPE, 'content-length': String(Buffer.byteLength(body)), 'x-content-type-options': 'nosniff', connection: 'close' }
  const isNew = endConnection(socket, `HTTP/1.1 ${refusal.status} ${refusal.title}\r\n${Object.entries(headers).map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n${body}`)
  if (isNew && detail) report(detail)
}
