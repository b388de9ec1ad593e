/** Serves a control-plane API to workloads of the mesh: mutual TLS 1.3, refused handshakes reported (S2.6). */
import type { RequestListener } from 'node:http'
import https from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { IncomingMessage } from 'node:http'
import type { WorkloadIdentity } from './identity.ts'
import type { Report } from './security-event.ts'
import { keepFresh, meshServerOptions, onHandshakeRefused, peerOf } from './tls.ts'

export type MeshServer = { close(): Promise<void> }
/** `control`: what refuses handshakes here, by its name in the lab, and its strategies. */
export type MeshPlace = { port: number; host?: string; identity: WorkloadIdentity; report: Report; control?: { name: string; strategies: string[] } }

const MUTUAL_TLS = { name: 'mutual-tls', strategies: ['S2.6', 'S4.2'] }

/** So long a closing server still answers, and asks clients to connect anew: they move to a successor on the same port. */
const NOTICE_MS = 300

/** Resolves when it listens. Requests are slow at most 10 s, headers 5 s. The port is shared while a successor starts. */
export async function serveMesh(listener: RequestListener, { port, host = '127.0.0.1', identity, report, control: { name, strategies } = MUTUAL_TLS }: MeshPlace): Promise<MeshServer> {
  let isClosing = false
  const server = https.createServer({
    ...meshServerOptions(identity, { clientCertificate: 'required' }),
    keepAliveTimeout: 75_000, requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 16_384, insecureHTTPParser: false,
  }, (request, response) => {
    if (isClosing) response.setHeader('connection', 'close')
    listener(request, response)
  })
  keepFresh(server, identity)
  onHandshakeRefused(server, ({ reason, address }) => report({
    detection: 'MTLS-REJECT', control: name, strategies, code: 'handshake-refused', severity: 'medium', reason: reason.slice(0, 200), ...(address && { address }),
  }))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ port, host, ...(process.platform === 'linux' && { reusePort: true }) }, resolve))
  return {
    async close() {
      isClosing = true
      await new Promise((resolve) => setTimeout(resolve, NOTICE_MS))
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      })
    },
  }
}

/** For `subjectOf` of a control API: the peer's SPIFFE id, or nothing. */
export const peerIdOf = (trustDomain: string) => (req: IncomingMessage): string | undefined => {
  try {
    return peerOf(req.socket as TLSSocket, trustDomain).spiffeId
  } catch {
    return undefined
  }
}
