import 'reflect-metadata'
import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { newCertificateRequest } from '@shop/chassis/certificate-request.ts'
import { pem } from '@shop/chassis/der.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { requestedKey, signAuthority, signLeaf, type Issuer } from './certificate.ts'
import { authorityProfile, issuedProfile, workloadProfile, type Profile } from './profiles.ts'

const lifetimes = { mesh: 3600, data: 604_800, backing: 604_800 }
const now = new Date('2026-11-24T12:00:00.000Z')
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

function issuer(subject: string, years = 5): Issuer {
  const { privateKey, publicKey } = newKey()
  return { subject, publicKey, notAfter: new Date(now.getTime() + years * 365 * 86_400_000), sign: async (data) => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }) }
}

describe('certificates', () => {
  const ca = issuer('Test mesh (c)')
  let root: X509Certificate
  const leaf = async (profile: Profile) => {
    const text = await signLeaf(profile, newKey().publicKey, ca, now)
    return { node: new X509Certificate(text), parsed: new x509.X509Certificate(text) }
  }
  const mesh = workloadProfile('mesh', 'order', 'shop.test', lifetimes)
  beforeAll(async () => {
    root = new X509Certificate(await signAuthority({ ...authorityProfile('mesh', 'Test', 'c', []), commonName: 'Test mesh (c)' }, ca.publicKey, ca, now))
  })

  test('a leaf is signed by its authority and points to it', async () => {
    const { node, parsed } = await leaf(mesh)
    expect(node.verify(ca.publicKey)).toBe(true)
    expect(node.checkIssued(root)).toBe(true)
    expect(parsed.getExtension(x509.AuthorityKeyIdentifierExtension)!.keyId).toBe(new x509.X509Certificate(root.raw).getExtension(x509.SubjectKeyIdentifierExtension)!.keyId)
    expect(parsed.getExtension(x509.SubjectKeyIdentifierExtension)!.keyId).toMatch(/^[0-9a-f]{40}$/)
  })

  test('a leaf may sign messages, and nothing else', async () => {
    const { node, parsed } = await leaf(mesh)
    expect(node.ca).toBe(false)
    expect(parsed.getExtension(x509.BasicConstraintsExtension)).toMatchObject({ ca: false, critical: true })
    expect(parsed.getExtension(x509.KeyUsagesExtension)).toMatchObject({ usages: x509.KeyUsageFlags.digitalSignature, critical: true })
    expect(parsed.publicKey.algorithm).toMatchObject({ name: 'ECDSA', namedCurve: 'P-256' })
    expect(parsed.signatureAlgorithm).toMatchObject({ name: 'ECDSA', hash: { name: 'SHA-256' } })
  })

  const CLIENT = '1.3.6.1.5.5.7.3.2', SERVER = '1.3.6.1.5.5.7.3.1'
  test.each<[Profile, string | undefined, string | undefined, string[]]>([
    [mesh, undefined, 'URI:spiffe://shop.test/mesh/order, DNS:order.shop.test', [CLIENT, SERVER]],
    [workloadProfile('data', 'order', 'shop.test', lifetimes), 'CN=order', 'URI:spiffe://shop.test/data/order', [CLIENT]],
    [issuedProfile({ kind: 'backing', name: 'rabbitmq' }, 'shop.test', lifetimes), 'CN=rabbitmq', 'URI:spiffe://shop.test/backing/rabbitmq, DNS:rabbitmq.shop.test, IP Address:127.0.0.1', [SERVER]],
    [issuedProfile({ kind: 'partner', name: 'a, CN=b' }, 'shop.test', lifetimes), 'CN=a\\, CN=b', undefined, [CLIENT]],
    [issuedProfile({ kind: 'door', name: 'web', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] }, 'shop.test', lifetimes), 'CN=web', 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1', [SERVER]],
  ])('profile %# says who it is for', async (profile, subject, names, usages) => {
    const { node, parsed } = await leaf(profile)
    expect([node.subject, node.subjectAltName]).toEqual([subject, names])
    expect(node.keyUsage).toEqual(usages)
    // Names that stand nowhere else are critical (RFC 5280 §4.1.2.6).
    expect(parsed.getExtension(x509.SubjectAlternativeNameExtension)?.critical).toBe(names && subject === undefined ? true : names ? false : undefined)
  })

  test('serial numbers have 128 random bits, whatever the first one is', async () => {
    const serials = await Promise.all(Array.from({ length: 40 }, async () => (await leaf(mesh)).node.serialNumber))
    expect(new Set(serials).size).toBe(40)
    for (const serial of serials) expect(serial.replace(/^00/, '').length).toBeGreaterThan(28)
    expect(serials.some((s) => s.startsWith('-'))).toBe(false)
  })

  test('validity starts a minute early, ends as configured, never after the authority', async () => {
    const { node } = await leaf(mesh)
    expect([node.validFromDate, node.validToDate]).toEqual([new Date('2026-11-24T11:59:00Z'), new Date('2026-11-24T13:00:00Z')])
    const dying = { ...ca, notAfter: new Date('2026-11-24T12:10:00Z') }
    expect(new X509Certificate(await signLeaf(mesh, newKey().publicKey, dying, now)).validToDate).toEqual(dying.notAfter)
  })

  test('an authority says how deep and how far it goes', async () => {
    const own = issuer('Test doors (c)')
    const doors = new x509.X509Certificate(await signAuthority(authorityProfile('doors', 'Test', 'c', ['shop.example']), own.publicKey, own, now))
    expect(doors.getExtension(x509.BasicConstraintsExtension)).toMatchObject({ ca: true, pathLength: 0, critical: true })
    expect(doors.getExtension(x509.KeyUsagesExtension)).toMatchObject({ usages: x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, critical: true })
    expect(doors.getExtension('2.5.29.30')!.critical).toBe(true)
    expect(Buffer.from(doors.getExtension('2.5.29.30')!.value).toString('latin1')).toMatch(/localhost.*shop\.example/s)
  })

  test('the key of a request is taken, its names are not', async () => {
    const { key, csr } = newCertificateRequest()
    expect((await requestedKey(csr)).equals(createPublicKey(key))).toBe(true)
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    const naming = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=billing', keys, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } as EcdsaParams, extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: 'spiffe://shop.test/mesh/billing' }])] })
    const text = await signLeaf(mesh, await requestedKey(naming.toString('pem')), ca, now)
    expect(text.includes('billing')).toBe(false)
    expect(new X509Certificate(text).subjectAltName).toBe('URI:spiffe://shop.test/mesh/order, DNS:order.shop.test')
  })

  test('requests that prove nothing, or prove another kind of key, are refused', async () => {
    const { csr } = newCertificateRequest()
    const raw = Buffer.from(csr.split('\n').slice(1, -2).join(''), 'base64')
    const flipped = Buffer.from(raw)
    flipped[flipped.length - 1]! ^= 1
    const other = Buffer.from(raw)
    const otherKey = newKey().publicKey.export({ type: 'spki', format: 'der' })
    otherKey.copy(other, raw.indexOf(otherKey.subarray(0, 26)))
    const p384 = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify'])
    const rsa = await crypto.subtle.generateKey({ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, true, ['sign', 'verify'])
    const requests = [
      pem('CERTIFICATE REQUEST', flipped), pem('CERTIFICATE REQUEST', other), pem('CERTIFICATE REQUEST', raw.subarray(0, 60)), 'junk', '', csr.replace('REQUEST', 'REQUESTS'),
      ...(await Promise.all([p384, rsa].map(async (keys) => (await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=x', keys: keys as CryptoKeyPair, signingAlgorithm: { name: keys === p384 ? 'ECDSA' : 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as EcdsaParams })).toString('pem')))),
    ]
    for (const request of requests) await expect(requestedKey(request), request.slice(0, 90)).rejects.toThrow(expect.objectContaining({ code: 'certificate-request-invalid' }))
  })
})
