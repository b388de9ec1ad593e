/** The sandbox's HTTPS door: the field page for customers' browsers, the merchant API for the key's holder. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import { createControlApi } from '@shop/chassis/control-api.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import { plainServer, requirePlainRequest } from '@shop/chassis/plain-http.ts'
import { InputInvalid, MethodNotAllowed, NotFound, problem, Problem, PROBLEM_TYPE, problemBody } from '@shop/chassis/problem.ts'
import type { Store } from '@shop/chassis/store.ts'
import { fieldPage } from './field-page.ts'
import { readInstrument } from './instruments.ts'
import { merchantApi, type MerchantParts } from './merchant-api.ts'
import { insertToken } from './store.ts'

export const MerchantUnknown = problem('merchant-unknown', 401, 'This needs a merchant key', 'Send Authorization: Bearer with your key', 'TOKEN-INVALID')
export const OriginRefused = problem('origin-refused', 403, 'Only our own field page may ask for a token', 'Open the field page', 'CSRF')

export type DoorParts = {
  tls: { key: string; certificate: string }
  /** 'https://127.0.0.1:PORT' as browsers write it. */
  origin: string
  frameAncestors: string[]
  merchantKey: string
  merchant: MerchantParts
  store: Store
  log: Logger
  now(): Date
}

const asset = (name: string, type: string) => [`/assets/${name}`, { type, body: readFileSync(new URL(`assets/${name}`, import.meta.url)) }] as const
const assets = new Map<string, { type: string; body: Buffer }>([asset('field.js', 'text/javascript; charset=utf-8'), asset('field.css', 'text/css; charset=utf-8')])
const open = (name: string) => loadApi(readOpenApi(new URL(name, import.meta.url)))

export function createDoor({ tls, origin, frameAncestors, merchantKey, merchant, store, log, now }: DoorParts): https.Server {
  // There is no monitor outside the mesh: what is refused stands in the log.
  const shared = { log, report: () => {}, subjectOf: () => undefined }
  const merchantListener = createControlApi({ ...shared, api: open('openapi.yaml'), handlers: merchantApi(merchant), control: { name: 'merchant-api', strategies: ['A4'] } })
  const fieldListener = createControlApi({
    ...shared, api: open('field.openapi.yaml'), control: { name: 'card-field', strategies: ['A4'] },
    handlers: {
      createToken: async ({ body, req }) => {
        if (req.headers.origin !== origin) throw OriginRefused({ evidence: { reason: String(req.headers.origin).slice(0, 100) } })
        const instrument = readInstrument(body, now())
        return { status: 201, body: { token: await insertToken(store, instrument), hint: instrument.hint } }
      },
    },
  })
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = digest(`Bearer ${merchantKey}`)
  return plainServer(https.createServer({
    key: tls.key, cert: tls.certificate, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3',
    handshakeTimeout: 5_000, headersTimeout: 10_000, requestTimeout: 20_000, connectionsCheckingInterval: 5_000, keepAliveTimeout: 60_000, maxHeaderSize: 8_192, requireHostHeader: false,
  }), (req, res) => {
    try {
      route(req, res)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      log.info({ code: error.code, evidence: error.options.evidence, address: req.socket.remoteAddress }, 'refused')
      res.writeHead(error.status, { ...error.options.headers, 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store', ...(!req.complete && { connection: 'close' }) }).end(JSON.stringify(problemBody(error)))
    }
  }, ({ code, reason, address }) => log.info({ code, evidence: { reason }, address }, 'refused'))

  function route(req: IncomingMessage, res: ServerResponse): void {
    requirePlainRequest(req, new URL(origin).host)
    const { path, query } = split(req.url ?? '')
    res.setHeader('x-content-type-options', 'nosniff')
    res.setHeader('referrer-policy', 'no-referrer')
    if (path.startsWith('/v1/')) {
      // Before anything of the request is read; compared as digests, so that time tells nothing of the key.
      if (!timingSafeEqual(digest(req.headers.authorization ?? ''), expected)) throw MerchantUnknown({ headers: { 'www-authenticate': 'Bearer' } })
      return void merchantListener(req, res)
    }
    if (path === '/tokens') return void fieldListener(req, res)
    const file = assets.get(path)
    if (!file && path !== '/field') throw NotFound()
    if (req.method !== 'GET') throw MethodNotAllowed({ headers: { allow: 'GET' } })
    if (file) return void res.writeHead(200, { 'content-type': file.type, 'cache-control': 'public, max-age=300' }).end(file.body)
    const kind = query === 'kind=card' ? 'card' : query === 'kind=bank-account' ? 'bank-account' : null
    if (!kind) throw InputInvalid({ errors: [{ field: 'query.kind', message: 'is card or bank-account, and stands alone' }] })
    res.setHeader('content-security-policy', `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ${frameAncestors.join(' ')}; require-trusted-types-for 'script'`)
    res.setHeader('permissions-policy', 'camera=(), geolocation=(), microphone=()')
    res.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(fieldPage(kind, frameAncestors))
  }
}

function split(url: string): { path: string; query: string } {
  const at = url.indexOf('?')
  return at < 0 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) }
}
