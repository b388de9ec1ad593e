/** Requests as they are: no redirect followed, no cookie kept, any method with any body. */
import { Agent } from 'undici'
import { freshAddress } from '../shop.ts'
import type { Sent } from './cases.ts'
import type { Answer } from './judge.ts'

export type Channel = { send(sent: Sent): Promise<Answer>; close(): Promise<void> }

/** A door limits each source: the walk comes from several. */
const SOURCES = 6
const PATIENCE_MS = 20_000

export function openChannel(origin: string, tls: { ca?: string; cert?: string; key?: string; checkServerIdentity?: () => undefined; socketPath?: string }): Channel {
  const agents = Array.from({ length: tls.socketPath ? 1 : SOURCES }, () => new Agent({ keepAliveTimeout: 4_000, ...(!tls.socketPath && { localAddress: freshAddress() }), connect: tls.socketPath ? tls : { ...tls, family: 4 } }))
  let next = 0
  return {
    async send({ method, path, headers, body }) {
      const agent = agents[next++ % agents.length]!
      const answer = await agent.request({ origin, method: method as 'GET', path, headers, ...(body !== undefined && { body }), signal: AbortSignal.timeout(PATIENCE_MS) })
      const type = String(answer.headers['content-type'] ?? '')
      // A stream has no end to wait for.
      if (type.startsWith('text/event-stream')) {
        answer.body.on('error', () => {}).destroy()
        return { status: answer.statusCode, headers: answer.headers, text: '', json: undefined }
      }
      const text = await answer.body.text()
      return { status: answer.statusCode, headers: answer.headers, text, json: text && /json/.test(type) ? JSON.parse(text) : undefined }
    },
    close: async () => void (await Promise.all(agents.map((agent) => agent.close()))),
  }
}
