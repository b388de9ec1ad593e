/** Serves a control-plane API to workloads of the mesh: mutual TLS 1.3 and plain HTTP/1.1; what is neither is reported (S2.6, S5.1). */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import https from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { WorkloadIdentity } from './identity.ts'
import { framingFault, FramingRefused, plainServer } from './plain-http.ts'
import { PROBLEM_TYPE, problemBody } from './problem.ts'
import { detailOf, type Report } from './security-event.ts'
import { keepFresh, meshServerOptions, onHandshakeRefused, peerOf } from './tls.ts'

export type MeshServer = { close(): Promise<void> }
/** `control`: what refuses handshakes here, by its name in the lab, and its strategies. */
export type MeshPlace = { port: number; host?: string; identity: WorkloadIdentity; report: Report; control?: { name: string; strategies: string[] }; /** 'optional': ask `peerOf` before trusting one. */ clientCertificate?: 'required' | 'optional' }

const MUTUAL_TLS = { name: 'mutual-tls', strategies: ['S2.6', 'S4.2'] }

/** So long a closing server still answers, and asks clients to connect anew: they move to a successor on the same port. */
const NOTICE_MS = 300

/** Resolves when it listens. Requests are slow at most 10 s, headers 5 s. The port is shared while a successor starts. */
export async function serveMesh(listener: RequestListener, { port, host = '127.0.0.1', identity, report, control: { name, strategies } = MUTUAL_TLS, clientCertificate = 'required' }: MeshPlace): Promise<MeshServer> {
  let isClosing = false
  const server = plainServer(https.createServer({
    ...meshServerOptions(identity, { clientCertificate }),
    keepAliveTimeout: 75_000, requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 16_384, insecureHTTPParser: false, requireHostHeader: false,
  }), (request, response) => {
    if (isClosing) response.setHeader('connection', 'close')
    const reason = framingFault(request)
    if (reason === null) listener(request, response)
    else refuse(reason, request, response, report)
  }, report)
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

/** What stands behind it may be its smuggled half: nothing more is read. */
function refuse(reason: string, request: IncomingMessage, response: ServerResponse, report: Report): void {
  const problem = FramingRefused({ evidence: { reason } })
  problem.control = { name: 'framing', strategies: ['S5.1', 'S13.1'] }
  const { remoteAddress: address } = request.socket
  report(detailOf(problem, { ...(address && { address }) })!)
  response.writeHead(problem.status, { 'content-type': PROBLEM_TYPE, connection: 'close' }).end(JSON.stringify(problemBody(problem)))
}

/** For `subjectOf` of a control API: the peer's SPIFFE id, or nothing. */
export const peerIdOf = (trustDomain: string) => (req: IncomingMessage): string | undefined => {
  try {
    return peerOf(req.socket as TLSSocket, trustDomain).spiffeId
  } catch {
    return undefined
  }
}
