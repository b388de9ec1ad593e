/**
 * One micro-gateway: mutual TLS towards the mesh, a Unix socket towards its service, one pipeline each way.
 *
 * Its listeners can be taken over: the port is shared while a successor starts, the socket is renamed into place.
 */
import { hash } from 'node:crypto'
import http, { type Server, type ServerResponse } from 'node:http'
import https from 'node:https'
import { renameSync, rmSync } from 'node:fs'
import { createJwks } from '@shop/chassis/jwks.ts'
import { enrol, spiffeId } from '@shop/chassis/identity.ts'
import type { Launch } from '@shop/chassis/launch.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { loadApi } from '@shop/chassis/operation.ts'
import { oneAtATime, refuseOtherProtocols } from '@shop/chassis/plain-http.ts'
import { httpSpan } from '@shop/chassis/telemetry.ts'
import { keepFresh, meshServerOptions, onHandshakeRefused } from '@shop/chassis/tls.ts'
import { compose, type Control, type Step } from '../pipeline.ts'
import { allowListed, headerAllowLists, type HeaderPolicy } from '../stages/header-allow-list.ts'
import { serverLimits } from '../stages/server-limits.ts'
import { createTokenVerifier } from '../stages/token-verifier.ts'
import { createUpstream, type UpstreamParts } from '../upstream/call.ts'
import { systemClock } from '../upstream/clock.ts'
import type { UpstreamCall } from '../upstream/pipeline.ts'
import { startResolver } from '../upstream/resolver.ts'
import { secretsSchema, type Config } from './config.ts'
import { inboundCall, type InboundCall } from './inbound-call.ts'
import { inboundPipeline } from './inbound.ts'
import { outboundCall, type OutboundCall } from './outbound-call.ts'
import { callOut, outboundPipeline } from './outbound.ts'
import { createRim, writeAnswer } from './rim.ts'
import { serviceSocket } from './service-socket.ts'

type Change<Call> = (controls: Control<Call>[]) => Control<Call>[]
/** How a composition other than production's is made; production passes nothing. */
export type Composition = { inbound?: Change<InboundCall>; outbound?: Change<OutboundCall>; upstream?: Change<UpstreamCall>; clientCertificate?: 'required' | 'optional'; headerPolicy?: HeaderPolicy; connect?: UpstreamParts['connect']; guard?: typeof onHandshakeRefused }

/** One direction: its controls, and what becomes of a call behind them. */
type Side<Call> = {
  run: Step<Call>
  refused(call: Call, response: ServerResponse, error: unknown): void
  ended?(call: Call, response: ServerResponse, failure: unknown): void
}

export type MicroGateway = {
  /** For `noticeMs` says 503 to health checks and asks clients to connect anew, then takes no more calls and ends those in flight. */
  stop(noticeMs?: number): Promise<void>
}

export async function startMicroGateway(
  launch: Launch<Config>, log: Logger,
  { inbound = same, outbound = same, upstream: changeUpstream = same, clientCertificate = 'required', headerPolicy = allowListed, connect, guard = onHandshakeRefused }: Composition = {}, identify = enrol,
): Promise<MicroGateway> {
  const { config, names: { trustDomain } } = launch
  const { consulToken } = secretsSchema.parse(launch.secrets)
  const identity = await identify(launch, log)
  const { report, telemetry: spansOf, close: closeReports } = createMeshReporter(launch.process, config.monitor, identity)
  const telemetry = spansOf(launch.workload, launch.version)
  const refuse = createRim(log, report)
  const { now, wall } = systemClock
  let isDraining = false

  const upstream = createUpstream({
    identity, outbound: config.policy.outbound, exchange: config.exchange, registry: config.registry, consulToken, externalRoots: config.doorRoots,
    report, telemetry, log, controls: changeUpstream, ...(connect && { connect }),
  })
  const api = loadApi(config.policy.inbound.api!)
  const headers = headerAllowLists(config.policy.inbound.api!, api.operations.values())
  const service = serviceSocket({ path: config.appSocket, headers, passRequest: headerPolicy.request, now, isDraining: () => isDraining })
  let toldAt = -Infinity
  /** A service that says more than it should is broken or taken over; once a second is enough to know. */
  const toldOfHeaders = ({ operation, trace }: InboundCall, names: string[]) => {
    if (now() - toldAt < 1_000) return
    toldAt = now()
    report({ detection: 'IE7', control: 'response-headers', strategies: ['S4.1', 'S10.3'], code: 'response-header-dropped', severity: 'medium', subject: spiffeId(trustDomain, `mesh/${launch.workload}`), traceId: trace.traceId, operation: operation!.id, fields: names.slice(0, 20).map((name) => name.slice(0, 128)) })
  }
  async function serve<Call extends Pick<InboundCall, 'answer'>>({ run, refused, ended }: Side<Call>, call: Call, response: ServerResponse): Promise<void> {
    // Clients move to another instance, or to our successor, before we close.
    if (isDraining) response.setHeader('connection', 'close')
    let failure: unknown
    try {
      await run(call)
      writeAnswer(response, call.answer!)
    } catch (error) {
      failure = error
      refused(call, response, error)
    }
    ended?.(call, response, failure)
  }
  const inside: Side<InboundCall> = {
    run: compose(inbound(inboundPipeline({
      trustDomain, audience: spiffeId(trustDomain, `mesh/${launch.workload}`), callers: config.policy.inbound.callers, api, headers, passResponse: headerPolicy.response, toldOfHeaders, now, health: service.health,
      tokens: createTokenVerifier({ issuer: config.exchangeIssuer, keys: createJwks(upstream.fetchKeys, { maxAgeMs: 10_000 }), wall }), redeem: upstream.redeem,
    })), service.forward),
    refused: ({ request, peer, trace, operation, token }, response, error) => refuse(request, response, error, {
      // The peer did it: what a refused token says of its subject may be stolen or made up.
      subject: peer.spiffeId.slice(0, 128), address: request.socket.remoteAddress, traceId: trace.traceId, operation: operation?.id,
      credential: token && hash('sha256', token, 'base64url'),
    }),
    ended({ request, trace, startedAt, operation, claims }, response, failure) {
      if (trace.isSampled) telemetry.record(trace, startedAt, () => httpSpan('server', request.method!, operation?.path, response.statusCode, failure, {
        'shop.operation': operation?.id, ...(!failure && { 'shop.txn': claims?.['txn'] as string | undefined }),
      }))
    },
  }
  const outside: Side<OutboundCall> = {
    run: compose(outbound(outboundPipeline({ upstream, now })), callOut(upstream)),
    refused: ({ request, trace, operation }, response, error) => refuse(request, response, error, {
      subject: spiffeId(trustDomain, `mesh/${launch.workload}`), traceId: trace.traceId, operation: operation?.id,
    }),
  }
  const otherProtocol = ({ reason, address }: { reason: string; address: string | undefined }) => report({
    detection: 'FRAMING', control: 'framing', strategies: ['S5.1', 'S13.1'], code: 'framing-refused', severity: 'medium', reason: reason.slice(0, 200), ...(address && { address }),
  })
  const mesh = https.createServer({ ...serverLimits, ...meshServerOptions(identity, { clientCertificate }) }, oneAtATime((request, response) => void serve(inside, inboundCall(request, now()), response), otherProtocol))
  keepFresh(mesh, identity)
  guard(mesh, ({ reason, address }) => report({
    detection: 'MTLS-REJECT', control: 'mutual-tls', strategies: ['S2.6', 'S4.2'], code: 'handshake-refused', severity: 'medium', reason: reason.slice(0, 200), ...(address && { address }),
  }))
  const own = http.createServer(serverLimits, oneAtATime((request, response) => void serve(outside, outboundCall(request, now()), response), otherProtocol))
  for (const server of [mesh, own]) refuseOtherProtocols(server, otherProtocol)

  await upstream.ready()
  await listen(mesh, { host: config.host, port: config.port, ...(process.platform === 'linux' && { reusePort: true }) })
  await listenInPlace(own, config.outboundSocket)
  const resolver = config.dns && (await startResolver({ port: config.dns.port, names: { trustDomain, admitted: upstream.admitted }, report, log, now }))
  return {
    async stop(noticeMs = 1_500) {
      isDraining = true
      await systemClock.sleep(noticeMs)
      await Promise.all([end(mesh), end(own), resolver?.stop()])
      await Promise.allSettled([service.close(), upstream.stop(), closeReports()])
      identity.stop()
    },
  }
}

const same = <T>(list: T): T => list

const listen = (server: Server | https.Server, where: object): Promise<void> =>
  new Promise((resolve, reject) => server.once('error', reject).listen(where, () => { server.off('error', reject); resolve() }))

/** A predecessor's socket is replaced in one rename: at no moment is there none. */
async function listenInPlace(server: Server, path: string): Promise<void> {
  const fresh = `${path}.${process.pid}`
  rmSync(fresh, { force: true })
  await listen(server, { path: fresh })
  renameSync(fresh, path)
}

const end = (server: Server | https.Server): Promise<void> => new Promise((resolve) => {
  server.close(() => resolve())
  server.closeIdleConnections()
})

