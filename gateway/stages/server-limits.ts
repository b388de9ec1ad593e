/** What a gateway's HTTP server accepts before any control runs: sizes, times, a strict parser (S5.1, S11.3). */
import type { ServerOptions } from 'node:http'

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
