/** What a gateway's HTTP server accepts before any control runs: sizes, times, a strict parser (S5.1, S11.3). */
import type { Server, ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export const serverLimits = {
  insecureHTTPParser: false,
  requireHostHeader: true,
  maxHeaderSize: 16_384,
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  // Longer than our own clients keep a connection, so that the client closes first and no request meets a closing socket.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 2_000,
  noDelay: true,
} satisfies ServerOptions

/**
 * Requests that never become one: unparsable, CONNECT, Upgrade, Expect. Each gets one refusal and a closed connection,
 * so that no byte behind it is read as a second request.
 */
export function refuseOtherProtocols(server: Server, refused: (about: { reason: string; address: string | undefined }) => void): void {
  const end = (socket: Duplex, status: string, reason: string) => {
    refused({ reason, address: (socket as Socket).remoteAddress })
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
