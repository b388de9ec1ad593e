/** The registry's own gateway: who asks, what, and how often, is judged here; Consul's tokens are the second layer (S3.2, S3.4). */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Logger } from '@shop/chassis/log.ts'
import { Internal, Problem, PROBLEM_TYPE, problemBody } from '@shop/chassis/problem.ts'
import { detailOf, type Report } from '@shop/chassis/security-event.ts'
import { peerOf } from '@shop/chassis/tls.ts'
import { newTrace, parseTraceparent } from '@shop/chassis/trace.ts'
import type { ConsulServers } from './consul-servers.ts'
import type { limitCallers } from './limit-callers.ts'
import { readLookup, RegistryDenied, type Question } from './read-lookup.ts'

/** Who asks, and what of it Consul is asked: `names` is what the caller may look up. */
export type Steps = { peerOf: (socket: TLSSocket, trustDomain: string) => { workload: string; spiffeId: string }; read: (request: IncomingMessage, names: readonly string[]) => Question | Promise<Question> }
export type RegistryParts = { trustDomain: string; readers: Record<string, string[]>; admit: ReturnType<typeof limitCallers>; servers: ConsulServers; log: Logger; report: Report; now(): number; /** Another composition than production's. */ steps?: Steps }

export const steps: Steps = { peerOf, read: ({ method, url, headers }, names) => readLookup({ method, url, token: headers['x-consul-token'] }, names) }

/** Controls by their names in the lab, with what each refuses. */
const CONTROLS: Record<string, { name: string; strategies: string[] }> = {
  'peer-unknown': { name: 'verify-peer', strategies: ['S4.2'] },
  'registry-limit': { name: 'registry-limit', strategies: ['S3.2'] },
}
const READ = { name: 'registry-read', strategies: ['S3.4'] }
const WRITE = { name: 'registry-write', strategies: ['S3.4', 'S3.5'] }

export function registryGateway({ trustDomain, readers, admit, servers, log, report, now, steps: { peerOf: whoIs, read } = steps }: RegistryParts): RequestListener {
  async function answer(req: IncomingMessage, res: ServerResponse, seen: { subject?: string }): Promise<void> {
    const { workload, spiffeId } = whoIs(req.socket as TLSSocket, trustDomain)
    seen.subject = spiffeId
    const done = admit(workload, now())
    const left = new AbortController()
    res.once('close', () => {
      left.abort()
      done()
    })
    const question = await read(req, Object.hasOwn(readers, workload) ? readers[workload]! : [])
    const { status, index, body } = await servers.ask(question, left.signal)
    // Its words are about what stands behind us.
    if (status === 403) throw RegistryDenied({ evidence: { reason: 'Consul refuses the token' } })
    res.writeHead(status, { 'content-type': status === 200 ? 'application/json' : 'text/plain', 'content-length': body.length, ...(index && { 'x-consul-index': index }) }).end(body)
  }

  return (req, res) => {
    const seen: { subject?: string } = {}
    answer(req, res, seen).catch((error: unknown) => {
      if (res.destroyed && !(error instanceof Problem)) return // the client left
      const problem = error instanceof Problem ? error : Internal({ cause: error })
      problem.control = CONTROLS[problem.code] ?? (req.method === 'GET' ? READ : WRITE)
      const { traceId } = parseTraceparent(req.headers['traceparent'] as string | undefined) ?? newTrace(false)
      const about = { ...seen, address: req.socket.remoteAddress, traceId }
      if (problem.status >= 500) log[problem.code === 'internal' ? 'error' : 'warn']({ err: error, ...about }, problem.code)
      else log.info({ code: problem.code, evidence: problem.options.evidence, ...about }, 'refused')
      const detail = detailOf(problem, about as Record<string, string>)
      if (detail) report(detail)
      if (res.headersSent || res.destroyed) return
      if (!req.complete) res.setHeader('connection', 'close')
      res.writeHead(problem.status, { ...problem.options.headers, 'content-type': PROBLEM_TYPE }).end(JSON.stringify(problemBody(problem, traceId)))
    })
  }
}
