/** Certificates of seconds under load: every one is renewed, no request fails, connections stay few (S4.3). */
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { enrol } from '@shop/chassis/identity.ts'
import { names, quiet } from '@shop/chassis/test-part.ts'
import { createMeshPool, keepFresh, meshServerOptions, peerOf } from '@shop/chassis/tls.ts'
import { describe, expect, test, vi } from 'vitest'
import { startControlPlane } from './test-control-plane.ts'

describe('renewal', () => {
  test('S4.3 no request fails while all certificates are renewed, and old connections end', { timeout: 40_000 }, async () => {
    const plane = await startControlPlane({ port: 23_002, lifetimeSeconds: { mesh: 4 } })
    const [order, billing] = await Promise.all([plane.launch('order', ['mesh']), plane.launch('billing', ['mesh'])].map(async (launch) => enrol(await launch, quiet)))
    const connections = new Map<TLSSocket, string>()
    let handshakes = 0
    const server = https.createServer(meshServerOptions(billing!, { clientCertificate: 'required' }), (req, res) => {
      const peer = peerOf(req.socket as TLSSocket, names.trustDomain)
      res.setHeader('x-own', billing!.mesh().thumbprint)
      setTimeout(() => res.end(`${req.url} ${peer.thumbprint}`), 2)
    })
    server.on('secureConnection', (socket: TLSSocket) => {
      handshakes++
      connections.set(socket, socket.getPeerX509Certificate()!.fingerprint256)
      socket.once('close', () => connections.delete(socket))
    })
    keepFresh(server, billing!)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const pool = createMeshPool(order!, `https://127.0.0.1:${(server.address() as AddressInfo).port}`, 'billing', { connections: 4 })

    const presented = new Set<string>(), served = new Set<string>()
    const failures: unknown[] = []
    let requests = 0, most = 0
    const isDone = () => (presented.size >= 4 && served.size >= 4) || failures.length > 0
    await Promise.all(Array.from({ length: 8 }, async (_, worker) => {
      for (let i = 0; !isDone(); i++) {
        const credentials = order!.mesh()
        // A request between two steps: its token was fetched with these credentials a moment ago.
        await new Promise((resolve) => setTimeout(resolve, i % 10 === 0 ? 50 : 1))
        try {
          const response = await pool.dispatcher(credentials).request({ path: `/${worker}/${i}`, method: 'GET' })
          const [path, thumbprint] = (await response.body.text()).split(' ')
          if (path !== `/${worker}/${i}` || thumbprint !== credentials.thumbprint) throw new Error(`answer of another request or connection: ${path} ${thumbprint}`)
          presented.add(thumbprint)
          served.add(String(response.headers['x-own']))
          requests++
          most = Math.max(most, connections.size)
        } catch (error) {
          failures.push(error)
        }
      }
    }))
    expect(failures).toEqual([])
    expect(presented.size).toBeGreaterThanOrEqual(4)
    expect(served.size).toBeGreaterThanOrEqual(4)
    expect(requests).toBeGreaterThan(300)
    // Two generations overlap while the older one ends.
    expect(most).toBeLessThanOrEqual(4 * 3)
    expect(handshakes).toBeLessThan(requests / 4)
    await new Promise<void>((resolve) => { const timer = setInterval(() => { if (new Set(connections.values()).size <= 1) { clearInterval(timer); resolve() } }, 10) })
    console.info(`${requests} requests, ${handshakes} handshakes, at most ${most} connections, ${presented.size} client and ${served.size} server certificates`)

    await pool.close()
    for (const identity of [order!, billing!]) identity.stop()
    server.closeAllConnections()
    server.close()
    await plane.stop()
  })

  test('S1.5 who fears for a key has another at once: SIGHUP', async () => {
    const plane = await startControlPlane({ port: 23_004 })
    const identity = await enrol(await plane.launch('order', ['mesh']), quiet)
    const first = identity.mesh()
    const renewed = new Promise((resolve) => identity.onRenewed(resolve))
    process.emit('SIGHUP')
    await renewed
    expect(identity.mesh().key).not.toBe(first.key)
    identity.stop()
    expect(process.listenerCount('SIGHUP')).toBe(0)
    await plane.stop()
  })

  test('a pki that is away is asked again; a process whose certificate ran out ends', { timeout: 60_000 }, async () => {
    const plane = await startControlPlane({ port: 23_003, lifetimeSeconds: { mesh: 10 } })
    const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as () => never)
    const warn = vi.spyOn(quiet, 'warn')
    const identity = await enrol(await plane.launch('order', ['mesh']), quiet)
    const first = identity.mesh()
    const renewed = new Promise((resolve) => identity.onRenewed(resolve))

    await plane.stopPki()
    await vi.waitUntil(() => warn.mock.calls.length >= 1, { timeout: 10_000 })
    expect(identity.mesh()).toBe(first)
    await plane.startPki()
    await renewed
    expect(identity.mesh().thumbprint).not.toBe(first.thumbprint)
    expect(identity.mesh().key).not.toBe(first.key)
    expect(exit).not.toHaveBeenCalled()

    await plane.stopPki()
    const last = identity.mesh().notAfter.getTime()
    await vi.waitUntil(() => exit.mock.calls.length > 0, { timeout: 15_000 })
    expect(exit).toHaveBeenCalledWith(75)
    expect(Date.now()).toBeGreaterThanOrEqual(last)
    identity.stop()
    vi.restoreAllMocks()
    await plane.stop()
  })
})
