/**
 * Lab only: kept connections as someone careless keeps them (leaves out S4.3). One pool for each address, whatever our
 * certificate is; who gives up puts the connection back with an answer still on its way, and whoever comes next reads it.
 * Only visitors without a session are treated so: a customer's calls take production's way.
 */
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { WorkloadIdentity } from '@shop/chassis/identity.ts'
import { parseJws } from '@shop/chassis/jws.ts'
import { meshConnect } from '@shop/chassis/tls.ts'
import { createConnect, type Connect } from '@shop/gateway/upstream/connect.ts'

type Pool = ReturnType<Connect['mesh']>
type Options = Parameters<Pool['dispatch']>[0]
type Handler = Parameters<Pool['dispatch']>[1]
type Controller = Parameters<NonNullable<Handler['onRequestStart']>>[0]
type Received = { status: number; headers: Record<string, string>; body: Buffer }
/** `wants` takes the next answer, whoever asked for it. */
type Line = { socket: TLSSocket; bytes: Buffer; wants: ((answer: Received) => void) | undefined }

export function connectCarelessly(identity: WorkloadIdentity, externalRoots: string | undefined): Connect {
  const proper = createConnect(identity, externalRoots)
  const idle = new Map<string, Line[]>()
  return {
    ...proper,
    mesh(workload, origin, credentials) {
      const pool = proper.mesh(workload, origin, credentials)
      const { hostname, port } = new URL(origin)
      const free = idle.get(origin) ?? idle.set(origin, []).get(origin)!
      const open = () => new Promise<Line>((resolve, reject) => {
        const { secureContext, checkServerIdentity } = meshConnect(credentials, identity.roots, `spiffe://${identity.trustDomain}/mesh/${workload}`) as ConnectionOptions
        const socket = connect({ host: hostname, port: Number(port), secureContext: secureContext!, checkServerIdentity: checkServerIdentity!, ALPNProtocols: ['http/1.1'] }, () => resolve(lineOf(socket))).once('error', reject)
      })

      async function converse({ method, path, headers }: Options, handler: Handler): Promise<void> {
        let line = free.shift()
        while (line?.socket.destroyed) line = free.shift()
        line ??= await open()
        const { socket } = line
        const controller = { abort: () => { line.wants = undefined; free.push(line) } } as unknown as Controller
        const lost = () => handler.onResponseError?.(controller, Object.assign(new Error('closed'), { code: 'UND_ERR_SOCKET' }))
        socket.once('close', lost)
        line.wants = ({ status, headers: received, body }) => {
          socket.removeListener('close', lost)
          free.push(line)
          handler.onResponseStart?.(controller, status, received, '')
          handler.onResponseData?.(controller, body)
          handler.onResponseEnd?.(controller, {})
        }
        handler.onRequestStart?.(controller, {})
        socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${workload}\r\n${Object.entries(headers as Record<string, string>).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
        take(line)
      }
      return { dispatch(options: Options, handler: Handler) {
        if (!isVisitors(options)) return pool.dispatch(options, handler)
        converse(options, handler).catch((error: Error) => handler.onResponseError?.(undefined as never, error))
        return true
      } } as Pool
    },
  }
}

/**
 * Lab only: kept connections whose key lacks our own identity (leaves out S4.3): what was opened with a certificate goes
 * on being used after another has taken its place. For visitors alone, as above.
 */
export function connectAcrossCertificates(identity: WorkloadIdentity, externalRoots: string | undefined): Connect {
  const proper = createConnect(identity, externalRoots)
  const first = identity.mesh()
  return {
    ...proper,
    mesh(workload, origin, credentials) {
      const pool = proper.mesh(workload, origin, credentials)
      return { dispatch: (options: Options, handler: Handler) => (isVisitors(options) ? proper.mesh(workload, origin, first) : pool).dispatch(options, handler) } as Pool
    },
  }
}

/** A read for somebody without a session: their narrow token says so. */
function isVisitors({ method, headers }: Options): boolean {
  const subject = parseJws((headers as Record<string, string>)['authorization']?.replace('Bearer ', '') ?? '')?.claims['sub']
  return method === 'GET' && typeof subject === 'string' && subject.startsWith('guest:')
}

function lineOf(socket: TLSSocket): Line {
  const line: Line = { socket, bytes: Buffer.alloc(0), wants: undefined }
  socket.on('data', (chunk: Buffer) => {
    line.bytes = Buffer.concat([line.bytes, chunk])
    take(line)
  }).on('error', () => socket.destroy())
  return line
}

/** The first whole answer goes to whoever wants one now. Our gateways always say a length. */
function take(line: Line): void {
  const end = line.bytes.indexOf('\r\n\r\n')
  if (!line.wants || end < 0) return
  const [first = '', ...rest] = line.bytes.toString('latin1', 0, end).split('\r\n')
  const headers = Object.fromEntries(rest.map((text) => { const at = text.indexOf(':'); return [text.slice(0, at).toLowerCase(), text.slice(at + 1).trim()] }))
  const length = Number(headers['content-length'] ?? 0)
  if (line.bytes.length < end + 4 + length) return
  const answer = { status: Number(first.split(' ')[1]), headers, body: line.bytes.subarray(end + 4, end + 4 + length) }
  line.bytes = line.bytes.subarray(end + 4 + length)
  const wants = line.wants
  line.wants = undefined
  wants(answer)
}
