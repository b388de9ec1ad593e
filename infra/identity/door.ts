/**
 * Identity's own HTTPS door: browsers without, clients with a certificate (S4.2). TLS 1.3; nothing in front of it, so
 * no header says who calls.
 */
import { constants } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { Logger } from '@shop/chassis/log.ts'
import { plainServer, requirePlainRequest } from '@shop/chassis/plain-http.ts'
import { Internal, MethodNotAllowed, OperationUnknown, Problem, PROBLEM_TYPE, problemBody } from '@shop/chassis/problem.ts'
import { detailOf, type Report } from '@shop/chassis/security-event.ts'
import { addressOf } from './events.ts'
import type { Pages } from './pages.ts'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

export type DoorParts = {
  tls: { key: string; certificate: string; /** Mesh and user roots. */ clientRoots: string[] }
  /** The only host that this door answers as: the library builds addresses from what a request names. */
  host: string
  /** The shop's origin: forms here end in redirects to it. */
  shop: string
  oauth: Handler
  interact(req: IncomingMessage, res: ServerResponse, path: string): Promise<void>
  pages: Pages
  report: Report
  log: Logger
}

const TYPES = { 'style.css': 'text/css; charset=utf-8', 'sign-out.js': 'text/javascript; charset=utf-8', 'icon.svg': 'image/svg+xml' } as const
const assets = new Map(Object.entries(TYPES).map(([name, type]) => [`/assets/${name}`, { type, body: readFileSync(new URL(`assets/${name}`, import.meta.url)) }]))

/** What the library may be asked; it would answer the rest in a shape of its own. */
const OAUTH: [RegExp, string][] = [
  [/^\/(auth|session\/end)$/, 'GET, POST'],
  [/^\/(auth\/[\w-]{1,64}|jwks|session\/end\/success|\.well-known\/(openid-configuration|oauth-authorization-server))$/, 'GET'],
  [/^\/(token|token\/revocation|request|session\/end\/confirm)$/, 'POST'],
]

export function createDoor({ tls, host, shop, oauth, interact, pages, report, log }: DoorParts): https.Server {
  const server = plainServer(https.createServer({
    key: tls.key, cert: tls.certificate, ca: tls.clientRoots, requestCert: true, rejectUnauthorized: false,
    minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET, // a resumed session would carry an older identity
    handshakeTimeout: 5_000, headersTimeout: 10_000, requestTimeout: 20_000, connectionsCheckingInterval: 5_000, keepAliveTimeout: 30_000, maxHeaderSize: 16_384,
    requireHostHeader: false, // refused by us, with an event
  }), (req, res) => {
    answer(req, res).catch((error: unknown) => refuse(req, res, error))
  }, report)
  server.maxRequestsPerSocket = 1_000
  return server

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = (req.url ?? '').split('?', 1)[0]!
    const asset = assets.get(path)
    setHeaders(res, path)
    requirePlainRequest(req, host)
    if (asset) {
      if (req.method !== 'GET') throw MethodNotAllowed({ headers: { allow: 'GET' } })
      res.writeHead(200, { 'content-type': asset.type, 'cache-control': 'public, max-age=300' }).end(asset.body)
    } else if (path === '/') {
      if (req.method !== 'GET') throw MethodNotAllowed({ headers: { allow: 'GET' } })
      res.writeHead(303, { location: `${shop}/` }).end()
    } else if (path.startsWith('/interaction/')) await interact(req, res, path)
    else {
      const allow = OAUTH.find(([pattern]) => pattern.test(path))?.[1]
      if (!allow) throw OperationUnknown()
      if (!allow.split(', ').includes(req.method ?? '')) throw MethodNotAllowed({ headers: { allow } })
      await oauth(req, res)
    }
  }

  /** Browsers enforce form-action on the redirects that follow a post too, so the shop stands in it. */
  function setHeaders(res: ServerResponse, path: string): void {
    const script = path.startsWith('/session/end') ? " script-src 'self';" : ''
    res.setHeader('content-security-policy', `default-src 'none'; style-src 'self'; img-src 'self';${script} form-action 'self' ${shop}; frame-ancestors 'none'; base-uri 'none'`)
    res.setHeader('x-content-type-options', 'nosniff')
    res.setHeader('referrer-policy', 'no-referrer')
    res.setHeader('cross-origin-opener-policy', 'same-origin')
    res.setHeader('cross-origin-resource-policy', 'same-origin')
    res.setHeader('permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=()')
    res.setHeader('cache-control', 'no-store')
  }

  function refuse(req: IncomingMessage, res: ServerResponse, error: unknown): void {
    if (res.destroyed || (error as NodeJS.ErrnoException).code === 'ECONNRESET') return void res.destroy() // nobody is left to tell
    const problem = error instanceof Problem ? error : Internal({ cause: error })
    problem.control ??= { name: 'identity-door', strategies: ['S1.6', 'S11.1'] }
    const about = { address: addressOf(req) }
    if (problem.status >= 500) log.error({ err: error, ...about }, problem.code)
    else log.info({ code: problem.code, errors: problem.options.errors, evidence: problem.options.evidence, ...about }, 'refused')
    const detail = detailOf(problem, about)
    if (detail) report(detail)
    if (res.headersSent) return void res.destroy()
    if (!req.complete) res.setHeader('connection', 'close')
    const isPage = (req.headers.accept ?? '').includes('text/html')
    const fields = problem.options.errors?.map((e) => `${e.field} ${e.message}`).join('; ')
    res.writeHead(problem.status, { ...problem.options.headers, 'content-type': isPage ? 'text/html; charset=utf-8' : PROBLEM_TYPE })
    res.end(isPage ? pages.message(problem.title, `${problem.options.detail ?? problem.advice}.`, fields) : JSON.stringify(problemBody(problem)))
  }
}
