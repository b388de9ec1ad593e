/** Builds and signs certificates: P-256, SHA-256, the extensions of RFC 5280 §4.2 and nothing that a profile does not say. */
import 'reflect-metadata'
import { createHash, createPublicKey, randomBytes, webcrypto, type KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'
import * as x509 from '@peculiar/x509'
import { der } from '@shop/chassis/der.ts'
import { problem } from '@shop/chassis/problem.ts'
import type { AuthorityProfile, Profile } from './profiles.ts'

export const RequestInvalid = problem('certificate-request-invalid', 400, 'This certificate request is not acceptable', 'Send a PKCS #10 request in PEM, for a P-256 key, signed by that key', 'RE8')

/** ES256 over data, 64 bytes: from the vault, or by a key in memory. */
export type Sign = (data: Uint8Array) => Promise<Uint8Array>
export type Issuer = { subject: string; publicKey: KeyObject; notAfter: Date; sign: Sign }

const CLOCK_SKEW_MS = 60_000
const USAGE = { client: x509.ExtendedKeyUsage.clientAuth, server: x509.ExtendedKeyUsage.serverAuth }

/** A leaf, PEM. It never outlives its issuer. */
export function signLeaf(profile: Profile, publicKey: KeyObject, issuer: Issuer, now: Date): Promise<string> {
  const names: x509.JsonGeneralName[] = [
    ...profile.uris.map((value) => ({ type: 'url' as const, value })),
    ...profile.dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...profile.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ]
  return build({
    commonName: profile.commonName, publicKey, issuer, now, notAfter: new Date(Math.min(now.getTime() + profile.seconds * 1000, issuer.notAfter.getTime())),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(profile.usages.map((u) => USAGE[u])),
      ...(names.length ? [new x509.SubjectAlternativeNameExtension(names, profile.commonName === null)] : []),
    ],
  })
}

/** An authority's certificate, PEM; self-signed when issuer and key are the same. */
export function signAuthority(profile: AuthorityProfile, publicKey: KeyObject, issuer: Issuer, now: Date): Promise<string> {
  return build({
    commonName: profile.commonName, publicKey, issuer, now, notAfter: new Date(Math.min(now.getTime() + profile.seconds * 1000, issuer.notAfter.getTime())),
    extensions: [
      new x509.BasicConstraintsExtension(true, profile.pathLength, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.ExtendedKeyUsageExtension(profile.usages.map((u) => USAGE[u])),
      ...(profile.permitted ? [new x509.Extension('2.5.29.30', true, nameConstraints(profile.permitted))] : []),
    ],
  })
}

async function build(c: { commonName: string | null; publicKey: KeyObject; issuer: Issuer; now: Date; notAfter: Date; extensions: x509.Extension[] }): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  // The library signs through WebCrypto; ours hands the bytes to the vault, so the key stays where it is.
  const subtle = { sign: (_algorithm: unknown, _key: unknown, data: ArrayBuffer) => c.issuer.sign(new Uint8Array(data)).then((s) => Uint8Array.from(s).buffer) }
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString('hex'),
    subject: c.commonName === null ? [] : [{ CN: [c.commonName] }],
    issuer: [{ CN: [c.issuer.subject] }],
    notBefore: new Date(c.now.getTime() - CLOCK_SKEW_MS), notAfter: c.notAfter,
    publicKey: spki(c.publicKey),
    signingKey: { algorithm } as unknown as CryptoKey, signingAlgorithm: algorithm,
    extensions: [...c.extensions, new x509.SubjectKeyIdentifierExtension(keyId(c.publicKey)), new x509.AuthorityKeyIdentifierExtension(keyId(c.issuer.publicKey))],
  }, { subtle, getRandomValues: webcrypto.getRandomValues.bind(webcrypto) } as unknown as Crypto)
  return `${certificate.toString('pem')}\n`
}

const spki = (key: KeyObject): Uint8Array<ArrayBuffer> => Uint8Array.from(key.export({ type: 'spki', format: 'der' }))

/** RFC 7093 §2 method 1: 160 bits of the SHA-256 of the public point, which ends a P-256 SPKI. */
const keyId = (key: KeyObject): string => createHash('sha256').update(spki(key).subarray(26)).digest('hex').slice(0, 40)

/** NameConstraints with permitted subtrees only (RFC 5280 §4.2.1.10): an IP address stands with its mask. */
export function nameConstraints({ dnsNames, ipAddresses }: { dnsNames: string[]; ipAddresses: string[] }): Uint8Array<ArrayBuffer> {
  const bytes = (ip: string) => (isIPv4(ip) ? Buffer.from(ip.split('.').map(Number)) : Buffer.from('1'.padStart(32, '0'), 'hex'))
  if (ipAddresses.some((ip) => !isIPv4(ip) && ip !== '::1')) throw new RangeError('of IPv6, only the loopback address is needed')
  const subtrees = [
    ...dnsNames.map((name) => der(0x30, der(0x82, Buffer.from(name, 'ascii')))),
    ...ipAddresses.map(bytes).map((ip) => der(0x30, der(0x87, ip, Buffer.alloc(ip.length, 0xff)))),
  ]
  return Uint8Array.from(der(0x30, der(0xa0, ...subtrees)))
}

/** The key of a request whose owner proved to hold it. Whatever names it asks for are not read. */
export async function requestedKey(pem: string): Promise<KeyObject> {
  try {
    const request = new x509.Pkcs10CertificateRequest(pem)
    const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' })
    if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('not a P-256 key')
    if (!(await request.verify())) throw new Error('the request is not signed by its key')
    return key
  } catch (cause) {
    throw RequestInvalid({ cause, evidence: { reason: cause instanceof Error ? cause.message : 'unreadable' } })
  }
}
