/** For tests: the real identity provider at an address whose certificate a client can verify. */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { join } from 'node:path'
import { createStoreOn } from '@shop/chassis/store.ts'
import { createTestMesh } from '@shop/chassis/test-mesh.ts'
import { testDatabase } from '@shop/deploy/backing/test-database.ts'
import { configSchema } from '@shop/identity/config.ts'
import { createIdentity } from '@shop/identity/identity.ts'
import { memoryVault } from '@shop/identity/test-identity.ts'
import * as x509 from '@peculiar/x509'
import { pino } from 'pino'

export const PASSWORD = 'correct horse battery'

/** A self-signed certificate for 'localhost', PEM. */
async function localhostCertificate(): Promise<{ certificate: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
  x509.cryptoProvider.set(webcrypto as unknown as Crypto)
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as CryptoKeyPair
  const made = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=localhost', keys, signingAlgorithm: algorithm, notBefore: new Date(Date.now() - 5_000), notAfter: new Date(Date.now() + 3_600_000), extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])] })
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { certificate: made.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` }
}

export async function startProvider(port: number, webOrigin: string) {
  const database = await testDatabase([join(import.meta.dirname, '../../infra/identity/migrations')])
  const log = pino({ level: 'silent' })
  const store = createStoreOn(database.config, log)
  const mesh = await createTestMesh('lantern.test')
  const edge = await mesh.identity('edge')
  const door = await localhostCertificate()
  const issuer = `https://localhost:${port}`
  const config = configSchema.parse({
    port, issuer, certificate: door.certificate, vaultSocket: '-', database: { host: '-', port: 1, database: 'identity', user: 'identity' }, userRoots: mesh.roots,
    edge: { redirectUris: [`${webOrigin}/callback`], postLogoutRedirectUris: [`${webOrigin}/`], spiffeId: edge.mesh().spiffeId },
  })
  const names = { brand: 'Lantern Market', trustDomain: 'lantern.test', cookiePrefix: 'lantern', checkout: 'abc' }
  const identity = await createIdentity({ config, names, meshRoots: mesh.roots, doorKey: door.key, cookieKey: 'k'.repeat(43), store, vault: memoryVault(), report: () => {}, log })
  await identity.accounts.ensure({ username: 'alice', role: 'customer', name: 'Alice Adler', email: 'alice@example.org' }, PASSWORD)
  await identity.accounts.ensure({ username: 'sam', role: 'seller', seller: 'anna', name: 'Sam Sailer', email: 'sam@example.org' }, PASSWORD)
  await new Promise<void>((resolve) => identity.server.listen(port, '127.0.0.1', resolve))
  return {
    issuer, roots: door.certificate, edge, store,
    async close() {
      await identity.close()
      await store.close()
      await database.drop()
    },
  }
}
