/** The one place where a refusal becomes a response, a log line and, when it is a sign of misuse, an event (S5.1). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '@shop/chassis/log.ts'
import { Internal, Problem, PROBLEM_TYPE, problemBody } from '@shop/chassis/problem.ts'
import { detailOf, type Report } from '@shop/chassis/security-event.ts'
import type { Answer } from '../upstream/call.ts'

export type About = { subject?: string | undefined; address?: string | undefined; traceId?: string | undefined; operation?: string | undefined; credential?: string | undefined }

const ONE_PIECE = 16_384

export function writeAnswer(response: ServerResponse, { status, headers, body }: Answer): void {
  const raw: string[] = []
  for (const name in headers) raw.push(name, headers[name]!)
  if (body.length > 0 || (status !== 204 && status !== 304)) raw.push('content-length', String(body.length))
  response.writeHead(status, raw)
  // As text a small body leaves in one piece with its head.
  if (body.length < ONE_PIECE) response.end(body.toString('latin1'), 'latin1')
  else response.end(body)
}

export function createRim(log: Logger, report: Report) {
  return function refuse(request: IncomingMessage, response: ServerResponse, error: unknown, about: About): void {
    const problem = error instanceof Problem ? error : Internal({ cause: error })
    const { code, status, options } = problem
    if (status >= 500) log[code === 'internal' ? 'error' : 'warn']({ err: error, evidence: options.evidence, ...about }, code)
    else log.info({ code, control: problem.control?.name, errors: options.errors, evidence: options.evidence, ...about }, 'refused')
    const detail = detailOf(problem, defined(about))
    if (detail) report(detail)
    if (response.headersSent || response.destroyed) return void response.destroy()
    const headers: Record<string, string> = { ...options.headers, 'content-type': PROBLEM_TYPE }
    if (status === 401) headers['www-authenticate'] ??= 'Bearer error="invalid_token"'
    // Bytes of a body that nobody read must not be taken for the next request.
    if (!request.complete) headers['connection'] = 'close'
    writeAnswer(response, { status, headers, body: Buffer.from(JSON.stringify(problemBody(problem, about.traceId))) })
  }
}

const defined = (about: About) => Object.fromEntries(Object.entries(about).filter(([, v]) => v)) as Record<string, string>
