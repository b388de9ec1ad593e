import type { TLSSocket } from 'node:tls'
import type { EdgeCall } from '../edge/call.ts'
import { ClientCertificateRequired } from '../edge/problems.ts'
import type { Step } from '../pipeline.ts'

/**
 * The partner door knows its callers by certificate (S4.2). The listener asks for one and lets the handshake pass, so
 * that a refusal is a problem with a trace id and an event, not a broken connection.
 */
export const requireClientCertificate = (): Step<EdgeCall> => (call) => {
  const socket = call.request.socket as TLSSocket
  const name = socket.authorized ? socket.getPeerX509Certificate()?.toLegacyObject().subject?.CN : undefined
  if (typeof name !== 'string' || !/^[a-z0-9-]{1,64}$/.test(name)) throw ClientCertificateRequired({ evidence: { reason: String(socket.authorizationError ?? 'no usable subject') } })
  call.client = name
}
