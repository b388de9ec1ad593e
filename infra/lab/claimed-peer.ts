/** Lab only: a peer by what its certificate says last, of whatever kind the certificate is (leaves out S4.2). */
import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { peerOf, uriNames, type Peer } from '@shop/chassis/tls.ts'

/** Throws peer-unknown where there is no certificate at all. */
export function claimedPeer(socket: TLSSocket, trustDomain: string): Peer {
  const certificate = socket.getPeerX509Certificate()
  const name = certificate && uriNames(certificate)[0]?.split('/').at(-1)
  if (!certificate || !name) return peerOf(socket, trustDomain)
  return { spiffeId: `spiffe://${trustDomain}/mesh/${name}`, workload: name, thumbprint: createHash('sha256').update(certificate.raw).digest('base64url') }
}
