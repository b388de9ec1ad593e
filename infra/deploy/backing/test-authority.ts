/** A certificate authority for tests, alone in memory. */
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000

/** PEM texts. */
export type Leaf = { cert: string; key: string }
export type Authority = { ca: string; issue(commonName: string, dns?: string[], daysFrom?: number, daysTo?: number): Promise<Leaf> }

export async function testAuthority(name: string): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`, keys, signingAlgorithm: EC, notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 9 * DAY_MS),
    extensions: [new x509.BasicConstraintsExtension(true, 1, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true)],
  })
  return {
    ca: root.toString('pem'),
    async issue(commonName, dns = [], daysFrom = -1, daysTo = 7) {
      const leaf = await crypto.subtle.generateKey(EC, true, ['sign', 'verify'])
      const certificate = await x509.X509CertificateGenerator.create({
        subject: `CN=${commonName}`, issuer: root.subject, signingKey: keys.privateKey, publicKey: leaf.publicKey, signingAlgorithm: EC,
        notBefore: new Date(Date.now() + daysFrom * DAY_MS), notAfter: new Date(Date.now() + daysTo * DAY_MS),
        extensions: [
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          ...(dns.length ? [new x509.SubjectAlternativeNameExtension(dns.map((value) => ({ type: 'dns' as const, value })))] : []),
        ],
      })
      const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', leaf.privateKey)).toString('base64')
      return { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` }
    },
  }
}
