/** For tests: a mesh with real TLS, an exchange that signs for anyone, a registry of one page, and services that answer what the test says. */
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { pino } from 'pino'
import { Pool } from 'undici'
import type { WorkloadIdentity } from '@shop/chassis/identity.ts'
import type { MeshPolicy, OpenApiDocument } from '@shop/chassis/mesh-policy.ts'
import type { SecurityEvent } from '@shop/chassis/security-event.ts'
import { createTestMesh } from '@shop/chassis/test-mesh.ts'
import { meshServerOptions, peerOf } from '@shop/chassis/tls.ts'
import { startMicroGateway, type Composition } from './gateway.ts'

export const TRUST = 'shop.test'
export const ISSUER = `https://exchange.${TRUST}`
export const id = (workload: string) => `spiffe://${TRUST}/mesh/${workload}`

const problemResponse = { description: 'Refused', content: { 'application/problem+json': { schema: { type: 'object' } } } }
const orderId = { name: 'orderId', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }
export const billingApi: OpenApiDocument = {
  openapi: '3.1.0',
  paths: {
    '/payments/{orderId}': {
      put: {
        operationId: 'authorizePayment', 'x-subjects': ['service'], 'x-single-use': true, 'x-timeout-ms': 5000, 'x-body-limit-bytes': 512,
        parameters: [orderId, { name: 'Idempotency-Key', in: 'header', required: true, schema: { type: 'string' } }],
        requestBody: { required: true, content: { 'application/json': { schema: { type: 'object', required: ['amountMinor'], additionalProperties: false, properties: { amountMinor: { type: 'integer', minimum: 1 } } } } } },
        responses: { 200: { description: 'Done', content: { 'application/json': { schema: { type: 'object', required: ['status'], additionalProperties: false, properties: { status: { type: 'string' } } } } } }, default: problemResponse },
      },
    },
    '/orders/{orderId}/invoice': {
      get: {
        operationId: 'findByOrder', 'x-subjects': ['user', 'service'], 'x-timeout-ms': 1500, parameters: [orderId],
        responses: { 200: { description: 'It', headers: { ETag: { schema: { type: 'string' } } }, content: { 'application/json': { schema: { type: 'object', required: ['number'], additionalProperties: false, properties: { number: { type: 'string' } } } } } }, 304: { description: 'Unchanged' }, default: problemResponse },
      },
    },
    '/orders/{orderId}/note': {
      post: {
        operationId: 'addNote', parameters: [orderId],
        requestBody: { required: true, content: { 'application/json': { schema: { type: 'object' } } } },
        responses: { 204: { description: 'Kept' }, default: problemResponse },
      },
    },
  },
}

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
export const signToken = (claims: object, header: object = {}, key = privateKey): string => {
  const signed = `${b64({ typ: 'at+jwt', alg: 'ES256', kid: 'k1', ...header })}.${b64(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

export type Call = { method: string; path: string; headers: http.IncomingHttpHeaders; body: string }
export type ToySpan = { traceId: string; spanId: string; parentSpanId?: string; name: string; kind: number }
export type Handler = (call: Call, res: ServerResponse) => void

const read = async (req: IncomingMessage) => {
  let body = ''
  for await (const chunk of req) body += chunk
  return body
}
const json = (res: ServerResponse, status: number, body: unknown, headers = {}) => res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

/** Everything is closed by `close`. */
export async function createTestSystem() {
  const folder = mkdtempSync(join(tmpdir(), 'mg-'))
  const mesh = await createTestMesh(TRUST)
  const closers: (() => unknown)[] = []
  const identities = new Map<string, WorkloadIdentity>()
  const identity = async (workload: string) => {
    if (!identities.has(workload)) identities.set(workload, await mesh.identity(workload))
    return identities.get(workload)!
  }

  async function serve(workload: string | WorkloadIdentity, listener: (req: IncomingMessage, res: ServerResponse) => unknown): Promise<number> {
    const server = https.createServer(meshServerOptions(typeof workload === 'string' ? await identity(workload) : workload, { clientCertificate: 'required' }), (req, res) => void listener(req, res))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => { server.closeAllConnections(); server.close() })
    return (server.address() as AddressInfo).port
  }

  // exchange
  const asked: URLSearchParams[] = []
  const used = new Set<string>()
  const exchangeState = { refuse: null as null | { status: number; body: object }, claims: {} as object, isDown: false }
  const exchange = await serve('exchange', async (req, res) => {
    const body = await read(req)
    const form = new URLSearchParams(body)
    if (exchangeState.isDown) return req.socket.destroy()
    if (req.url === '/jwks') return json(res, 200, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }] })
    if (req.url === '/redeem') {
      const token = form.get('token')!
      if (used.has(token)) return json(res, 409, { error: 'token_used' })
      used.add(token)
      return json(res, 200, {})
    }
    const peer = peerOf(req.socket as TLSSocket, TRUST)
    const issue = (form: URLSearchParams) => {
      asked.push(form)
      return exchangeState.refuse ?? { status: 200, body: { access_token: narrow({ audience: form.get('audience')!, scope: form.get('scope')!, caller: peer.workload, thumbprint: peer.thumbprint, claims: exchangeState.claims }), token_type: 'Bearer', expires_in: 60 } }
    }
    if (req.url === '/tokens') return json(res, 200, { answers: (JSON.parse(body) as { requests: { form: string }[] }).requests.map(({ form }) => issue(new URLSearchParams(form))) })
    const answer = issue(form)
    json(res, answer.status, answer.body)
  })
  const narrow = ({ audience, scope, caller, thumbprint, claims = {} }: { audience: string; scope: string; caller: string; thumbprint: string; claims?: object }) => {
    const iat = Math.floor(Date.now() / 1000)
    return signToken({ iss: ISSUER, aud: id(audience), sub: id(caller), scope, role: 'service', txn: randomUUID(), act: { sub: id(caller) }, cnf: { 'x5t#S256': thumbprint }, iat, exp: iat + 60, jti: randomUUID(), ...claims })
  }

  // monitor
  const events: SecurityEvent[] = []
  const spans: ToySpan[] = []
  const eventListeners: (() => void)[] = []
  const monitor = await serve('monitor', async (req, res) => {
    const body: unknown = JSON.parse(await read(req))
    if (req.url === '/v1/traces') {
      spans.push(...(body as any).resourceSpans.flatMap((r: any) => r.scopeSpans.flatMap((s: any) => s.spans)))
      for (const heard of eventListeners) heard()
      return void json(res, 200, {})
    }
    events.push(...(body as SecurityEvent[]))
    for (const heard of eventListeners) heard()
    res.writeHead(202).end()
  })
  const eventWhere = async (fits: (data: SecurityEvent['data']) => boolean): Promise<SecurityEvent['data']> => {
    for (;;) {
      const found = events.find(({ data }) => fits(data))
      if (found) return found.data
      await new Promise<void>((resolve) => eventListeners.push(resolve))
    }
  }

  const spansOf = async (traceId: string, count: number): Promise<ToySpan[]> => {
    for (;;) {
      const found = spans.filter((span) => span.traceId === traceId)
      if (found.length >= count) return found
      await new Promise<void>((resolve) => eventListeners.push(resolve))
    }
  }

  // registry
  const page = { index: 1, instances: {} as Record<string, { id: string; port: number }[]>, isDown: false }
  const waiting = new Set<() => void>()
  const registry = await serve('registry', async (req, res) => {
    const url = new URL(req.url!, 'https://registry')
    if (!page.isDown && Number(url.searchParams.get('index')) >= page.index) await new Promise<void>((resolve) => { waiting.add(resolve); req.socket.once('close', resolve) })
    if (page.isDown) return req.socket.destroy()
    const name = url.pathname.split('/').at(-1)!
    json(res, 200, (page.instances[name] ?? []).map(({ id: ID, port }) => ({ Node: { Address: '127.0.0.1' }, Service: { ID, Address: '127.0.0.1', Port: port, Meta: { version: '1' } } })), { 'x-consul-index': String(page.index) })
  })
  const register = (name: string, ...instances: { id: string; port: number }[]) => {
    page.instances[name] = instances
    page.index++
    for (const wake of waiting) wake()
    waiting.clear()
  }

  /** A service with its micro-gateway in front. */
  async function start(workload: string, { port, outbound = {}, callers = {}, api = billingApi, composition = {}, as, suffix = '' }: { port: number; outbound?: MeshPolicy['outbound']; callers?: Record<string, string[]>; api?: OpenApiDocument; composition?: Composition; as?: WorkloadIdentity; suffix?: string }) {
    const seen: Call[] = []
    const app = { handler: ((_call, res) => json(res, 200, { number: '2026-000001' })) as Handler }
    const appSocket = join(folder, `${workload}-${port}${suffix}.app`)
    const service = http.createServer(async (req, res) => {
      const call = { method: req.method!, path: req.url!, headers: req.headers, body: await read(req) }
      if (req.url !== '/health') seen.push(call)
      app.handler(call, res)
    })
    await new Promise<void>((resolve) => service.listen(appSocket, resolve))
    const outboundSocket = join(folder, `${workload}-${port}${suffix}.out`)
    const own = as ?? await identity(workload)
    const gateway = await startMicroGateway({
      process: `${workload}-1-gateway`, workload, instance: 1, version: '1', names: { brand: 'Test', trustDomain: TRUST, cookiePrefix: 't', checkout: 'x' }, secrets: { consulToken: 'token' },
      config: {
        host: '127.0.0.1', port, appSocket, outboundSocket, policy: { version: '1', workload, inbound: { callers, api }, outbound },
        exchange: `https://127.0.0.1:${exchange}`, exchangeIssuer: ISSUER, monitor: `https://127.0.0.1:${monitor}`, registry: `https://127.0.0.1:${registry}`,
      },
    }, pino({ level: 'silent' }), composition, async () => own)
    const pool = new Pool('http://out', { socketPath: outboundSocket, connections: 64 })
    closers.push(() => pool.destroy(), () => { service.closeAllConnections(); service.close() }, () => gateway.stop(0))
    return { seen, app, gateway, outboundSocket, appSocket, service, port, out: (callee: string, method: string, path: string, options: { headers?: Record<string, string>; body?: string } = {}) => ask(pool, { method, path, ...options, headers: { host: callee, ...options.headers } }) }
  }

  /** Straight to a gateway's mesh port with an identity of the test's choice. */
  async function direct(as: string | WorkloadIdentity, port: number, options: { method: string; path: string; headers?: Record<string, string>; body?: string }) {
    const { key, certificate } = (typeof as === 'string' ? await identity(as) : as).mesh()
    const pool = new Pool(`https://127.0.0.1:${port}`, { connect: { key, cert: certificate, ca: mesh.roots, checkServerIdentity: () => undefined } })
    try {
      return await ask(pool, options)
    } finally {
      await pool.destroy()
    }
  }

  return {
    mesh, identity, serve, start, direct, register, page, asked, used, exchangeState, narrow, events, eventWhere, spansOf, waiting,
    thumbprint: async (workload: string) => (await identity(workload)).mesh().thumbprint,
    async close() {
      for (const close of closers.reverse()) await close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function ask(pool: Pool, { method, path, headers, body }: { method: string; path: string; headers?: Record<string, string>; body?: string }) {
  const answer = await pool.request({ method: method as 'GET', path, headers: headers ?? {}, body: body ?? null })
  const text = await answer.body.text()
  return { status: answer.statusCode, headers: answer.headers, text, body: (/json/.test(String(answer.headers['content-type'])) ? JSON.parse(text) : undefined) as any }
}

export const sha = (text: string) => createHash('sha256').update(text).digest('base64url')
