/** A new P-256 key and the request that proves its possession. Names are not asked for: the authority sets them. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { der, pem } from './der.ts'

const ECDSA_WITH_SHA256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'))

/** PKCS #8 key and PKCS #10 request with an empty subject, both PEM. @see https://www.rfc-editor.org/rfc/rfc2986#section-4 */
export function newCertificateRequest(): { key: string; csr: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const version = der(0x02, Buffer.from([0]))
  const info = der(0x30, version, der(0x30), publicKey.export({ type: 'spki', format: 'der' }), der(0xa0))
  const signature = der(0x03, Buffer.from([0]), sign('sha256', info, privateKey))
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, csr: pem('CERTIFICATE REQUEST', der(0x30, info, ECDSA_WITH_SHA256, signature)) }
}
