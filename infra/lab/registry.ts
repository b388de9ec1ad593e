/** Lab only: a registry gateway with one step done as someone careless would do it (design decision 20). */
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import https from 'node:https'
import net from 'node:net'
import type { TLSSocket } from 'node:tls'
import { createLog } from '@shop/chassis/log.ts'
import type { serveMesh } from '@shop/chassis/mesh-server.ts'
import { keepFresh, meshServerOptions, peerOf } from '@shop/chassis/tls.ts'
import { configSchema } from '@shop/registry/config.ts'
import { steps, type Steps } from '@shop/registry/gateway.ts'
import type { Question } from '@shop/registry/read-lookup.ts'
import { startRegistry, type Composition } from '@shop/registry/start.ts'
import { readLabLaunch } from './leave-out.ts'

const { launch, leftOut } = readLabLaunch(configSchema)

/** One port for all: TLS of any age with or without a certificate, and no TLS at all. */
const serveAnyone: typeof serveMesh = async (listener, { port, host = '127.0.0.1', identity }) => {
  const tls = https.createServer({ ...meshServerOptions(identity, { clientCertificate: 'optional' }), minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }, listener)
  keepFresh(tls, identity)
  const plain = createServer(listener)
  const open = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {}).once('close', () => open.delete(socket)).once('data', (first) => {
      socket.pause()
      socket.unshift(first)
      const isHandshake = first[0] === 0x16
      ;(isHandshake ? tls : plain).emit('connection', socket)
      if (!isHandshake) socket.resume()
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ port, host, reusePort: true }, resolve))
  return {
    async close() {
      const isEnd = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await isEnd
    },
  }
}

/** Whoever has no identity is let in as anyone. */
const NOBODY = 'nobody'
function orNobody(socket: TLSSocket, trustDomain: string): ReturnType<Steps['peerOf']> {
  try {
    return peerOf(socket, trustDomain)
  } catch {
    return { workload: NOBODY, spiffeId: NOBODY }
  }
}

/** What Consul makes of it is Consul's business. */
async function passOn(request: IncomingMessage): Promise<Question> {
  const body = Buffer.concat(await request.toArray() as Buffer[])
  return { method: request.method!, path: request.url!, body, waitSeconds: 30, token: String(request.headers['x-consul-token'] ?? '') }
}

const isRead = ({ method }: IncomingMessage) => method === 'GET'
const compositions: Record<string, Composition> = {
  'registry-tls': { serve: serveAnyone, steps: { ...steps, peerOf: orNobody } },
  'registry-read': { steps: { ...steps, read: (request, names) => (isRead(request) ? passOn(request) : steps.read(request, names)) } },
  'registry-write': { steps: { ...steps, read: (request, names) => (isRead(request) ? steps.read(request, names) : passOn(request)) } },
}
compositions['registrar-only-token'] = compositions['registry-write']!
const composition = compositions[leftOut]
if (!composition) throw new Error(`there is no control '${leftOut}' here; there are ${Object.keys(compositions).join(', ')}`)
if (leftOut === 'registry-tls') launch.config.readers[NOBODY] = Object.values(launch.config.readers).flat()

const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
log.warn({ leftOut }, 'a control is left out')
await startRegistry(launch, log, composition)
