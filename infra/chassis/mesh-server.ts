/** Serves a control-plane API to workloads of the mesh: mutual TLS 1.3, refused handshakes reported (S2.6). */
import type { RequestListener } from 'node:http'
import https from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { IncomingMessage } from 'node:http'
import type { WorkloadIdentity } from './identity.ts'
import type { Report } from './security-event.ts'
import { keepFresh, meshServerOptions, onHandshakeRefused, peerOf } from './tls.ts'

export type MeshServer = { close(): Promise<void> }

/** Resolves when it listens. Requests are slow at most 10 s, headers 5 s. */
export async function serveMesh(listener: RequestListener, { port, host = '127.0.0.1', identity, report }: { port: number; host?: string; identity: WorkloadIdentity; report: Report }): Promise<MeshServer> {
  const server = https.createServer({
    ...meshServerOptions(identity, { clientCertificate: 'required' }),
    keepAliveTimeout: 75_000, requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 16_384, insecureHTTPParser: false,
  }, listener)
  keepFresh(server, identity)
  onHandshakeRefused(server, ({ reason, address }) => report({
    detection: 'MTLS-REJECT', control: 'mutual-tls', strategies: ['S2.6', 'S4.2'], code: 'handshake-refused', severity: 'medium', reason: reason.slice(0, 200), ...(address && { address }),
  }))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  return {
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
    }),
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
