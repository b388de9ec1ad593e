/** The whole way, with a real vault and a real pki: enrol, call, renew, refuse. */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { newCertificateRequest } from '@shop/chassis/certificate-request.ts'
import { enrol, type Credentials, type WorkloadIdentity } from '@shop/chassis/identity.ts'
import type { Problem } from '@shop/chassis/problem.ts'
import { names, quiet } from '@shop/chassis/test-part.ts'
import { createMeshPool, keepFresh, meshServerOptions, onHandshakeRefused, peerOf } from '@shop/chassis/tls.ts'
import { createVaultClient, type VaultClient } from '@shop/chassis/vault-client.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureAuthorities } from './authorities.ts'
import { signLeaf } from './certificate.ts'
import type { Profile } from './profiles.ts'
import { startControlPlane, type ControlPlane } from './test-control-plane.ts'

type Refusal = { reason: string; address: string | undefined }

/** A server that answers with what it knows of its peer. */
async function startServer(identity: WorkloadIdentity, refusals: Refusal[] = []): Promise<{ port: number; connections: () => number; stop(): Promise<void> }> {
  let connections = 0
  const server = https.createServer(meshServerOptions(identity, { clientCertificate: 'required' }), (req, res) => {
    try {
      res.end(JSON.stringify(peerOf(req.socket as TLSSocket, names.trustDomain)))
    } catch (error) {
      res.writeHead((error as Problem).status).end(JSON.stringify({ code: (error as Problem).code, detection: (error as Problem).detection }))
    }
  })
  server.on('secureConnection', () => { connections++ })
  keepFresh(server, identity)
  onHandshakeRefused(server, (refused) => void refusals.push(refused))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, connections: () => connections, stop: () => new Promise((resolve) => { server.close(() => resolve()); server.closeAllConnections() }) }
}

/** Speaks HTTP over a TLS connection of its own, and answers everything that came back. */
function speak(port: number, options: ConnectionOptions, request = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = tlsConnect({ port, host: '127.0.0.1', checkServerIdentity: () => undefined, ...options }, () => socket.write(request))
    socket.setEncoding('utf8').on('data', (text: string) => { answer += text }).on('error', () => undefined).on('close', () => resolve(answer))
  })
}

const post = (path: string, body: unknown) => {
  const text = JSON.stringify(body)
  return `POST ${path} HTTP/1.1\r\nhost: pki\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`
}
const statusOf = (answer: string) => Number(answer.slice(9, 12))
const pairOf = ({ key, certificate }: Credentials) => ({ key, cert: certificate })

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('pki', () => {
  let plane: ControlPlane
  let order: WorkloadIdentity
  let billing: WorkloadIdentity
  const refusals: Refusal[] = []
  let vault: VaultClient
  let server: Awaited<ReturnType<typeof startServer>>
  beforeAll(async () => {
    plane = await startControlPlane({ port: 23_001, doorNames: ['shop.example'] })
    order = await enrol(await plane.launch('order', ['mesh', 'data']), quiet)
    billing = await enrol(await plane.launch('billing', ['mesh']), quiet)
    server = await startServer(billing, refusals)
    vault = createVaultClient(`${plane.dir}/v-pki`)
  })
  /** For certificates that pki itself would never issue. */
  const authorities = () => ensureAuthorities({ stateDir: `${plane.dir}/state`, doorsDir: `${plane.dir}/doors`, doorNames: ['shop.example'], brand: names.brand, checkout: names.checkout }, vault, quiet, new Date())
  afterAll(async () => {
    await vault.close()
    for (const identity of [order, billing]) identity.stop()
    await server.stop()
    await plane.stop()
  })

  describe('enrolment', () => {
    const enrolWith = (secret: string, csrs: unknown) => speak(plane.port, { ca: order.roots }, post('/enrol', { secret, csrs }))

    test('S1.5 gives the registered certificates, for keys that it never saw', () => {
      expect(order.mesh().spiffeId).toBe('spiffe://shop.test/mesh/order')
      expect(order.data().spiffeId).toBe('spiffe://shop.test/data/order')
      expect(new X509Certificate(order.data().certificate).subject).toBe('CN=order')
      expect(new X509Certificate(order.mesh().certificate).subject).toBeUndefined()
      expect(order.mesh()).toBe(order.mesh())
      expect(() => billing.data()).toThrow('billing has no data certificate')
    })

    test('S1.5 takes a secret once, and notices the second time', async () => {
      const { enrolment } = await plane.launch('shipping', ['mesh'])
      const { csr } = newCertificateRequest()
      expect(statusOf(await enrolWith(enrolment.secret, { mesh: csr }))).toBe(200)
      expect(await enrolWith(enrolment.secret, { mesh: csr })).toMatch(/403.*enrolment-used/s)
      await until(() => plane.pki.log().some((l) => l['event']?.detection === 'TOKEN-REPLAY' && l['event'].control === 'enrolment'))
    })

    test('two at once: one wins', async () => {
      const { enrolment } = await plane.launch('shipping', ['mesh'])
      const answers = await Promise.all(Array.from({ length: 5 }, () => enrolWith(enrolment.secret, { mesh: newCertificateRequest().csr })))
      expect(answers.map(statusOf).sort()).toEqual([200, 403, 403, 403, 403])
    })

    test('S1.5 knows no other secret', async () => {
      expect(await enrolWith('x'.repeat(43), { mesh: newCertificateRequest().csr })).toMatch(/403.*enrolment-refused/s)
      await until(() => plane.pki.log().some((l) => l['event']?.detection === 'TOKEN-INVALID'))
    })

    test('gives no kind that was not registered, and the secret is gone', async () => {
      const { enrolment } = await plane.launch('shipping', ['data'])
      const { csr } = newCertificateRequest()
      expect(await enrolWith(enrolment.secret, { data: csr, mesh: csr })).toMatch(/403.*certificate-kind-refused/s)
      expect(await enrolWith(enrolment.secret, { data: csr })).toMatch(/403.*enrolment-used/s)
    })

    test.each([
      [{ secret: 'short', csrs: {} }], [{ csrs: { mesh: 'x' } }], [{ secret: 'x'.repeat(43), csrs: { mesh: 'x'.repeat(5000) } }], [{ secret: 'x'.repeat(43), csrs: {} }],
      [{ secret: 'x'.repeat(43), csrs: { root: 'x'.repeat(100) } }], [{ secret: 'x'.repeat(43), csrs: { mesh: 'x'.repeat(100) }, workload: 'edge' }], [[]], [null],
    ])('refuses input %#', async (body) => {
      expect(statusOf(await speak(plane.port, { ca: order.roots }, post('/enrol', body)))).toBe(400)
    })

    test('a secret never stands in the log', async () => {
      const { enrolment } = await plane.launch('shipping', ['mesh'])
      await enrolWith(enrolment.secret, { mesh: 'x'.repeat(100) })
      expect(JSON.stringify(plane.pki.log())).not.toContain(enrolment.secret)
    })

    test('the client refuses a pki that is not pki, or not of its roots', async () => {
      const launch = await plane.launch('shipping', ['mesh'])
      await expect(enrol({ ...launch, enrolment: { ...launch.enrolment, pki: `https://127.0.0.1:${server.port}` } }, quiet)).rejects.toThrow('the server is not spiffe://shop.test/mesh/pki')
      const { doors } = (await plane.admin('GET', '/roots')).body as Record<string, string>
      await expect(enrol({ ...launch, enrolment: { ...launch.enrolment, roots: doors! } }, quiet)).rejects.toThrow()
      const identity = await enrol(launch, quiet) // the honest twin: the secret was not sent to either
      identity.stop()
    })
  })

  describe('renewal', () => {
    const renewWith = (credentials: Credentials | null, kind: string) =>
      speak(plane.port, { ca: order.roots, ...(credentials && pairOf(credentials)) }, post('/renew', { kind, csr: newCertificateRequest().csr }))

    test('renews the kind that is presented, for the same workload', async () => {
      for (const kind of ['mesh', 'data'] as const) {
        const answer = await renewWith(order[kind](), kind)
        expect(statusOf(answer)).toBe(200)
        const chain = (JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as { chain: string }).chain
        expect(new X509Certificate(chain).subjectAltName).toContain(`spiffe://shop.test/${kind}/order`)
      }
    })

    test('S4.2 turns no data certificate into a mesh certificate, nor back', async () => {
      expect(await renewWith(order.data(), 'mesh')).toMatch(/403.*peer-unknown/s)
      expect(await renewWith(order.mesh(), 'data')).toMatch(/403.*peer-unknown/s)
      await until(() => plane.pki.log().some((l) => l['event']?.detection === 'MESH-DENY'))
    })

    test('renews nothing for nobody, nor for what was issued for other uses', async () => {
      expect(await renewWith(null, 'mesh')).toMatch(/403.*peer-unknown/s)
      const { key, certificate } = (await plane.admin('POST', '/issue', { kind: 'owner', name: 'owner' })).body as { key: string; certificate: string }
      expect(await renewWith({ key, certificate } as Credentials, 'data')).toMatch(/403.*peer-unknown/s)
    })

    test('S4.2 a certificate that does not verify ends the connection before any HTTP', async () => {
      const { key, certificate } = (await plane.admin('POST', '/issue', { kind: 'user', name: 'staff' })).body as { key: string; certificate: string }
      expect(await renewWith({ key, certificate } as Credentials, 'mesh')).toBe('')
      await until(() => plane.pki.log().some((l) => l['event']?.detection === 'MTLS-REJECT' && l['event'].address === '127.0.0.1'))
    })
  })

  describe('peers', () => {
    const call = (credentials: Credentials) => speak(server.port, { ca: order.roots, ...pairOf(credentials) })

    test('S4.2 know each other by SPIFFE id', async () => {
      const pool = createMeshPool(order, `https://127.0.0.1:${server.port}`, 'billing')
      const response = await pool.dispatcher().request({ path: '/', method: 'GET' })
      expect(await response.body.json()).toEqual({ spiffeId: 'spiffe://shop.test/mesh/order', workload: 'order', thumbprint: order.mesh().thumbprint })
      await pool.close()
    })

    test('S4.2 a client refuses another server than the one it meant', async () => {
      const pool = createMeshPool(order, `https://127.0.0.1:${server.port}`, 'shipping')
      await expect(pool.dispatcher().request({ path: '/', method: 'GET' })).rejects.toMatchObject({ code: 'ERR_PEER_IDENTITY' })
      await pool.close()
    })

    test('S4.2 a data certificate is no identity in the mesh', async () => {
      const answer = await call(order.data())
      expect(answer).toMatch(/^HTTP\/1.1 403.*"peer-unknown","detection":"MESH-DENY"/s)
    })

    test('S2.6 without a good client certificate not one byte of HTTP is answered', async () => {
      const issue = async (kind: string, name: string) => {
        const { key, certificate } = (await plane.admin('POST', '/issue', { kind, name })).body as { key: string; certificate: string }
        return { key, cert: certificate }
      }
      const { mesh } = await authorities()
      const profile: Profile = { authority: 'mesh', kind: 'mesh', commonName: null, uris: ['spiffe://shop.test/mesh/order'], dnsNames: [], ipAddresses: [], usages: ['client', 'server'], seconds: 60 }
      const crafted = async (now: Date) => {
        const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
        const leaf = await signLeaf(profile, publicKey, mesh, now)
        return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert: leaf + mesh.intermediates }
      }
      const hour = 3_600_000
      const bad: Record<string, [ConnectionOptions, string]> = {
        none: [{}, 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'],
        'other authority': [await issue('partner', 'acme'), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
        'for servers only': [await issue('backing', 'postgres'), 'INVALID_PURPOSE'],
        'ran out': [await crafted(new Date(Date.now() - hour)), 'CERT_HAS_EXPIRED'],
        'not yet valid': [await crafted(new Date(Date.now() + hour)), 'CERT_NOT_YET_VALID'],
        'leaf as authority': [await (async () => {
          const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
          const fake = { subject: 'order', publicKey: new X509Certificate(order.data().certificate).publicKey, notAfter: new Date(Date.now() + hour), sign: async (data: Uint8Array) => sign('sha256', data, { key: order.data().key, dsaEncoding: 'ieee-p1363' as const }) }
          return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert: (await signLeaf(profile, publicKey, fake, new Date())) + order.data().certificate }
        })(), 'UNSPECIFIED'], // OpenSSL's "invalid CA certificate": Node has no code for it
        'TLS 1.2': [{ ...pairOf(order.mesh()), maxVersion: 'TLSv1.2' }, 'ERR_SSL_UNSUPPORTED_PROTOCOL'],
      }
      for (const [what, [options, reason]] of Object.entries(bad)) {
        refusals.length = 0
        expect(await speak(server.port, { ca: order.roots, ...options }), what).toBe('')
        await until(() => refusals.length > 0)
        expect({ what, ...refusals[0] }).toEqual({ what, reason, address: '127.0.0.1' })
      }
      const good = await crafted(new Date())
      expect(statusOf(await speak(server.port, { ca: order.roots, ...good })), 'the honest twin').toBe(200)
    })

    test.each([
      ['two URIs', ['spiffe://shop.test/mesh/order', 'spiffe://shop.test/mesh/edge']], ['none', []], ['other trust domain', ['spiffe://shop.test.evil/mesh/order']], ['suffix', ['spiffe://evil/shop.test/mesh/order']],
      ['upper case', ['spiffe://shop.test/mesh/Order']], ['upper-case scheme', ['SPIFFE://shop.test/mesh/order']], ['upper-case domain', ['spiffe://SHOP.test/mesh/order']], ['encoded', ['spiffe://shop.test/mesh/%6frder']],
      ['encoded slash', ['spiffe://shop.test/mesh%2Forder']], ['trailing slash', ['spiffe://shop.test/mesh/order/']], ['double slash', ['spiffe://shop.test//mesh/order']], ['deeper', ['spiffe://shop.test/mesh/a/order']],
      ['dots', ['spiffe://shop.test/data/../mesh/order']], ['query', ['spiffe://shop.test/mesh/order?x']], ['port', ['spiffe://shop.test:443/mesh/order']], ['user', ['spiffe://order@shop.test/mesh/order']],
      ['comma', ['spiffe://shop.test/mesh/x, URI:spiffe://shop.test/mesh/order']], ['backing', ['spiffe://shop.test/backing/postgres']], ['empty', ['spiffe://shop.test/mesh/']],
    ])('S4.2 a certificate of ours that says %s is nobody', async (_what, uris) => {
      const { mesh } = await authorities()
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      // Common name and DNS name claim to be order: they must not count.
      const leaf = await signLeaf({ authority: 'mesh', kind: 'mesh', commonName: 'order', uris, dnsNames: ['order.shop.test'], ipAddresses: [], usages: ['client'], seconds: 60 }, publicKey, mesh, new Date())
      const answer = await speak(server.port, { ca: order.roots, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert: leaf + mesh.intermediates })
      expect(answer).toMatch(/^HTTP\/1.1 403.*peer-unknown/s)
    })

    test('S4.2 no session is resumed', async () => {
      const sessions: Buffer[] = []
      const reused = await new Promise<boolean>((resolve, reject) => {
        const options: ConnectionOptions = { port: server.port, host: '127.0.0.1', ca: order.roots, ...pairOf(order.mesh()), checkServerIdentity: () => undefined }
        const first = tlsConnect(options, () => first.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).on('session', (s) => sessions.push(s)).on('error', reject).resume()
        first.on('close', () => {
          const session = sessions.at(-1) ?? first.getSession()
          const second = tlsConnect({ ...options, ...(session && { session }) }, () => { resolve(second.isSessionReused()); second.destroy() }).on('error', reject)
        })
      })
      expect(reused).toBe(false)
    })
  })

  describe('administration', () => {
    test('S2.6 no key of an authority or of a workload is on disk, and the socket is closed to others', () => {
      for (const dir of ['state', 'doors'])
        for (const file of readdirSync(`${plane.dir}/${dir}`)) expect(readFileSync(`${plane.dir}/${dir}/${file}`, 'utf8')).not.toContain('PRIVATE')
      expect(statSync(`${plane.dir}/admin`).mode & 0o777).toBe(0o770)
    })

    test.each([
      ['/issue', { kind: 'root', name: 'x' }], ['/issue', { kind: 'door', name: '' }], ['/issue', { kind: 'door', name: 'web', dnsNames: ['example.com'] }], ['/issue', { kind: 'door', name: 'web', ipAddresses: ['10.0.0.1'] }],
      ['/issue', { kind: 'backing', name: 'order' }], ['/issue', { kind: 'partner', name: 'acme', dnsNames: ['localhost'] }], ['/issue', { kind: 'user', name: 'a', days: 9999 }], ['/issue', { kind: 'user', name: 'a\nb' }],
      ['/registrations', { secretHash: 'A'.repeat(43), workload: 'postgres', certificates: ['mesh'], process: 'p' }], ['/registrations', { secretHash: 'A'.repeat(43), workload: 'pki', certificates: ['mesh'], process: 'p' }],
      ['/registrations', { secretHash: 'short', workload: 'order', certificates: ['mesh'], process: 'p' }], ['/registrations', { secretHash: 'A'.repeat(43), workload: 'order', certificates: [], process: 'p' }],
      ['/registrations', { secretHash: 'A'.repeat(43), workload: '../x', certificates: ['mesh'], process: 'p' }],
    ])('refuses %s %j', async (path, body) => {
      expect((await plane.admin('POST', path, body)).status).toBe(400)
    })

    test.each(['backing', 'owner', 'door', 'consul-server', 'consul-client', 'partner', 'user'])('issues %s: key, chain and roots belong together', async (kind) => {
      const { status, body } = await plane.admin<{ key: string; certificate: string; roots: string }>('POST', '/issue', { kind, name: kind === 'backing' ? 'postgres' : 'x' })
      expect(status).toBe(200)
      const chain = body.certificate.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g)!.map((block) => new X509Certificate(block))
      const root = new X509Certificate(body.roots)
      ;[...chain, root].reduce((child, parent) => {
        expect(child.verify(parent.publicKey)).toBe(true)
        return parent
      })
      expect(Object.values((await plane.admin('GET', '/roots')).body as object)).toContain(body.roots)
    })

    test("the doors' authority is not believed outside its names", async () => {
      const { doors } = await authorities()
      const open = async (name: string) => {
        const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
        const leaf = await signLeaf({ authority: 'doors', kind: 'door', commonName: 'web', uris: [], dnsNames: [name], ipAddresses: [], usages: ['server'], seconds: 60 }, publicKey, doors, new Date())
        const door = https.createServer({ key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert: leaf })
        await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
        const port = (door.address() as AddressInfo).port
        const outcome = await new Promise<string>((resolve) => {
          const socket = tlsConnect({ port, host: '127.0.0.1', servername: name, ca: doors.root }, () => { resolve('trusted'); socket.destroy() }).on('error', (error: NodeJS.ErrnoException) => resolve(error.message))
        })
        door.close()
        return outcome
      }
      expect([await open('localhost'), await open('www.shop.example'), await open('bank.example')]).toEqual(['trusted', 'trusted', 'permitted subtree violation'])
    })
  })

  test('a restart keeps every authority; lost state makes new ones, but for the doors', async () => {
    const roots = async () => (await plane.admin<Record<string, string>>('GET', '/roots')).body
    const before = await roots()
    await plane.stopPki()
    await plane.startPki()
    expect(await roots()).toEqual(before)
    rmSync(`${plane.dir}/state`, { recursive: true })
    await plane.stopPki()
    await plane.startPki()
    const after = await roots()
    expect(after['doors']).toBe(before['doors'])
    for (const name of ['mesh', 'consul', 'partners', 'users']) expect(after[name]).not.toBe(before[name])
  })
})
