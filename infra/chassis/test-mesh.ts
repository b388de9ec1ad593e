/** For tests: a mesh of its own, with a root made on the spot and an identity for whomever the test needs. */
import 'reflect-metadata'
import { createHash, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Credentials, WorkloadIdentity } from './identity.ts'

x509.cryptoProvider.set(webcrypto as unknown as Crypto)
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const pem = (label: string, der: ArrayBuffer) => `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`

export type TestMesh = {
  trustDomain: string
  roots: string
  /** `uri` replaces the SPIFFE id; `seconds` is the life. */
  identity(workload: string, options?: { uri?: string; seconds?: number }): Promise<WorkloadIdentity>
}

export async function createTestMesh(trustDomain = 'shop.test'): Promise<TestMesh> {
  const caKeys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const life = (seconds: number) => ({ notBefore: new Date(Date.now() - 5_000), notAfter: new Date(Date.now() + seconds * 1_000) })
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01', name: 'CN=test root', keys: caKeys as CryptoKeyPair, signingAlgorithm: EC, ...life(3_600),
    extensions: [new x509.BasicConstraintsExtension(true, 0, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true), await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey as CryptoKey)],
  })
  const roots = root.toString('pem')
  let serial = 1
  return {
    trustDomain, roots,
    async identity(workload, { uri = `spiffe://${trustDomain}/mesh/${workload}`, seconds = 600 } = {}) {
      const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
      const leaf = await x509.X509CertificateGenerator.create({
        serialNumber: (++serial).toString(16).padStart(4, '0'), subject: `CN=${workload}`, issuer: root.subject, ...life(seconds), signingAlgorithm: EC,
        publicKey: keys.publicKey as CryptoKey, signingKey: caKeys.privateKey as CryptoKey,
        extensions: [
          new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }]), new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]), await x509.AuthorityKeyIdentifierExtension.create(root),
        ],
      })
      const certificate = leaf.toString('pem')
      const parsed = new NodeCertificate(certificate)
      const credentials: Credentials = {
        spiffeId: uri, certificate, key: pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)),
        thumbprint: createHash('sha256').update(parsed.raw).digest('base64url'), notAfter: parsed.validToDate,
      }
      return { roots, trustDomain, mesh: () => credentials, data: () => credentials, onRenewed: () => {}, stop: () => {} }
    },
  }
}
