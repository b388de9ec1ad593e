/**
 * A gateway's DNS server for its own service, UDP and TCP on one port of the loopback interface (S7.3). It answers from
 * the list that balancing uses; nothing the gateway dials is ever looked up here.
 * @see https://www.rfc-editor.org/rfc/rfc7766 DNS over TCP
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Logger } from '@shop/chassis/log.ts'
import type { Report } from '@shop/chassis/security-event.ts'
import { createSourceLimit } from '../source-limit.ts'
import { answer, type Names } from './dns-answer.ts'

const HOST = '127.0.0.1'
const MOST_CONNECTIONS = 32
const CONNECTION_MS = 5_000
const LONGEST_QUESTION = 1_024
const SOURCE_RULES = { perSecond: 200, burst: 400, sources: 1_024 }

export type ResolverParts = { port: number; names: Names; report: Report; log: Logger; now: () => number }

/** Rejects when the port is taken by another user. */
export async function startResolver({ port, names, report, log, now }: ResolverParts): Promise<{ stop(): Promise<void> }> {
  const limit = createSourceLimit(SOURCE_RULES)
  const ask = (query: Buffer, transport: 'udp' | 'tcp', source: { address: string; port: number }): Buffer | null => {
    const reply = answer(query, names, transport, limit.take(source.address, now()) > 0)
    // Who asks is known by address only: an event that names the service could be forged by its neighbours.
    if (reply?.denied !== undefined) report({
      detection: 'REGISTRY-DENY', control: 'resolve', strategies: ['S7.3', 'S3.4'], code: 'registry-denied', severity: 'medium',
      address: `${source.address}:${source.port}`, reason: `name ${reply.denied}`.slice(0, 200),
    })
    return reply?.bytes ?? null
  }

  // On Linux a successor shares the port, and only under our user id; SO_REUSEADDR would let anyone take UDP.
  const shared = process.platform === 'linux'
  const udp = createSocket({ type: 'udp4', reusePort: shared })
  udp.on('message', (query, source) => {
    const bytes = source.port === 0 ? null : ask(query, 'udp', source)
    if (bytes) udp.send(bytes, source.port, source.address, () => {})
  })
  const connections = new Set<Socket>()
  const tcp = createServer((socket) => {
    connections.add(socket)
    const end = setTimeout(() => socket.destroy(), CONNECTION_MS)
    socket.on('error', () => {}).once('close', () => { clearTimeout(end); connections.delete(socket) })
    const source = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
    let held: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 2 && !socket.destroyed) {
        const length = held.readUInt16BE(0)
        // Who does not read its answers, or asks at length, is no resolver.
        if (length > LONGEST_QUESTION || socket.writableLength > 65_535) return void socket.destroy()
        if (held.length < 2 + length) return
        const bytes = ask(held.subarray(2, 2 + length), 'tcp', source)
        held = held.subarray(2 + length)
        if (!bytes) return void socket.destroy()
        const size = Buffer.alloc(2)
        size.writeUInt16BE(bytes.length)
        socket.write(Buffer.concat([size, bytes]))
      }
    })
  })
  tcp.maxConnections = MOST_CONNECTIONS
  tcp.listen({ host: HOST, port, reusePort: shared })
  await once(tcp, 'listening')
  udp.bind(port, HOST)
  await once(udp, 'listening')
  for (const socket of [udp, tcp]) socket.on('error', (error: Error) => log.warn({ err: error }, 'resolver'))
  return {
    async stop() {
      const closed = [once(udp, 'close'), once(tcp, 'close')]
      udp.close()
      tcp.close()
      for (const socket of connections) socket.destroy()
      await Promise.all(closed)
    },
  }
}
