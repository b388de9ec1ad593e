/**
 * Who is at the other end of this connection, by certificate: a workload of the mesh, a person, or nobody.
 *
 * The door trusts two authorities. A certificate says only what its own authority may say: a person's certificate that
 * names a workload is a person's still, and the reverse.
 */
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { pemBlocks } from '@shop/chassis/der.ts'
import { uriNames } from '@shop/chassis/tls.ts'

export type Bearer = { certificate: X509Certificate } & ({ kind: 'workload'; spiffeId: string } | { kind: 'person'; name: string })

/** Both arguments are PEM bundles. The reader answers null for no certificate, one that did not verify, or one that ran out. */
export function certificateReader(meshRoots: string, userRoots: string): (socket: TLSSocket) => Bearer | null {
  const read = (bundle: string) => pemBlocks('CERTIFICATE', bundle).map((block) => new X509Certificate(block))
  const mesh = read(meshRoots)
  const users = read(userRoots)
  const known = new WeakMap<TLSSocket, Bearer | null>()

  function bearerOf(socket: TLSSocket): Bearer | null {
    const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
    if (!certificate) return null
    if (isIssuedUnder(certificate, mesh)) {
      const uris = uriNames(certificate)
      return uris.length === 1 ? { kind: 'workload', certificate, spiffeId: uris[0]! } : null
    }
    const names = certificate.subject.split('\n').filter((part) => part.startsWith('CN='))
    return names.length === 1 && isIssuedUnder(certificate, users) ? { kind: 'person', certificate, name: names[0]!.slice(3) } : null
  }

  return (socket) => {
    if (!known.has(socket)) known.set(socket, bearerOf(socket))
    const bearer = known.get(socket) ?? null
    return bearer && bearer.certificate.validToDate.getTime() > Date.now() ? bearer : null // a kept connection outlives its certificate
  }
}

/** TLS verified the chain against all roots together; this says which of them. The chain as sent leaves the root out. */
function isIssuedUnder(leaf: X509Certificate, roots: X509Certificate[]): boolean {
  let at: X509Certificate | undefined = leaf
  for (let depth = 0; at && depth < 4; depth++) {
    const child: X509Certificate = at
    const isBy = (issuer: X509Certificate) => child.checkIssued(issuer) && child.verify(issuer.publicKey)
    if (roots.some(isBy)) return true
    at = child.issuerCertificate && isBy(child.issuerCertificate) ? child.issuerCertificate : undefined
  }
  return false
}
