/** What a gateway's HTTP server accepts before any control runs: sizes, times, a strict parser, one request at a time (S5.1, S11.3). */
import type { RequestListener, Server, ServerOptions, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export const serverLimits = {
  insecureHTTPParser: false,
  // Node would answer a request without Host itself and read on; the framing control refuses it and the connection ends.
  requireHostHeader: false,
  maxHeaderSize: 16_384,
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  // Longer than our own clients keep a connection, so that the client closes first and no request meets a closing socket.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 2_000,
  noDelay: true,
  // A request without a body is no stream that has to end first.
  optimizeEmptyRequests: true,
} satisfies ServerOptions

export type RefusedBelow = (about: { reason: string; address: string | undefined }) => void

/** The last answer that was begun on each connection: one that was sent has left its socket. */
const begun = new WeakMap<Duplex, ServerResponse>()
const underWay = (socket: Duplex): ServerResponse | undefined => {
  const answer = begun.get(socket)
  return answer?.socket === socket ? answer : undefined
}

/**
 * Nothing is read behind a request before it is answered: no client of ours pipelines, and what stands behind a refused
 * request may be the smuggled half of it. The answer under way is sent, then the connection ends.
 */
export const oneAtATime = (listener: RequestListener, refused: RefusedBelow): RequestListener => (request, response) => {
  const { socket } = request
  if (!socket.writable) return
  if (underWay(socket)) {
    refused({ reason: 'request behind an unanswered one', address: socket.remoteAddress })
    // It is this one's turn when the answer before it was sent.
    response.once('socket', () => socket.destroySoon())
    return
  }
  begun.set(socket, response)
  listener(request, response)
}

/**
 * Requests that never become one: unparsable, CONNECT, Upgrade, Expect. Each gets one refusal and a closed connection,
 * so that no byte behind it is read as a second request.
 */
export function refuseOtherProtocols(server: Server, refused: RefusedBelow): void {
  const end = (socket: Duplex, status: string, reason: string) => {
    refused({ reason, address: (socket as Socket).remoteAddress })
    // An answer under way must not be mixed with a refusal; it may still go out, unless it waits for a body that broke.
    const answer = underWay(socket)
    if (answer) {
      answer.once('close', () => (socket as Socket).destroySoon())
      return void setTimeout(() => socket.destroy(), 200).unref()
    }
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
    ;(socket as Socket).destroySoon()
  }
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // A peer that went away, or was slow to send anything, tried nothing.
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || socket.destroyed) return void socket.destroy()
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return end(socket, '408 Request Timeout', 'request came too slowly')
    end(socket, error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request', error.code ?? 'unparsable')
  })
  server.on('connect', (_request, socket) => end(socket, '400 Bad Request', 'CONNECT'))
  server.on('upgrade', (request, socket) => end(socket, '400 Bad Request', `Upgrade ${String(request.headers.upgrade).slice(0, 32)}`))
  for (const event of ['checkContinue', 'checkExpectation'] as const)
    server.on(event, (request) => end(request.socket, '417 Expectation Failed', `Expect ${String(request.headers.expect).slice(0, 32)}`))
}
