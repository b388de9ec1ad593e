/** The Consul servers behind this gateway: whichever answers. The last that did is asked first. */
import { Pool, type Dispatcher } from 'undici'
import { Unavailable } from '@shop/chassis/problem.ts'
import type { Question } from './read-lookup.ts'

/** What a server's certificate says, and no client's does. */
export const SERVER_NAME = 'server.dc1.consul'

export type ConsulServers = {
  /** Consul's answer as it came. Throws unavailable when no server answers; ends with `signal`. */
  ask(question: Question, signal: AbortSignal): Promise<{ status: number; index: string; body: Buffer }>
  close(): Promise<void>
}

const LIMIT_BYTES = 1_048_576

export type ConsulDoor = {
  servers: { host: string; port: number }[]
  /** PEM. */
  ca: string; certificate: string; key: string
  /** At most so many to each server: a waiting lookup holds one. */
  connections: number
}

export function consulServers({ servers, ca, certificate, key, connections }: ConsulDoor): ConsulServers {
  const pools = servers.map(({ host, port }) => new Pool(`https://${host}:${port}`, {
    connect: { ca, cert: certificate, key, servername: SERVER_NAME, minVersion: 'TLSv1.3', timeout: 1_000 }, connections, allowH2: false, keepAliveTimeout: 60_000, keepAliveMaxTimeout: 120_000,
  }))
  let first = 0
  return {
    async ask({ method, path, body: sent, waitSeconds, token }, signal) {
      const failures: unknown[] = []
      for (let i = 0; i < pools.length; i++) {
        const at = (first + i) % pools.length
        // Consul adds up to a sixteenth of the wait, so that not all come back at once.
        const mine = AbortSignal.any([signal, AbortSignal.timeout(waitSeconds * 1_070 + 3_000)])
        try {
          const { statusCode: status, headers, body } = await pools[at]!.request({ method: method as Dispatcher.HttpMethod, path, headers: { 'x-consul-token': token }, body: sent ?? null, signal: mine })
          const bytes = await readAtMost(body, LIMIT_BYTES)
          // 5xx: no leader, or its data is not readable there.
          if (status >= 500) throw new Error(`Consul answered ${status}: ${bytes.toString('utf8').slice(0, 200)}`)
          first = at
          return { status, index: String(headers['x-consul-index'] ?? ''), body: bytes }
        } catch (error) {
          if (signal.aborted) throw error
          failures.push(error)
        }
      }
      throw Unavailable({ detail: 'No registry server answers right now', headers: { 'retry-after': '1' }, cause: new AggregateError(failures) })
    },
    async close() {
      await Promise.all(pools.map((pool) => pool.destroy()))
    },
  }
}

async function readAtMost(body: AsyncIterable<Buffer>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > limit) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
