/** Lab only: a micro-gateway whose inbound pipeline lacks one named control (design decision 20). */
import { ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { childOf, parseTraceparent } from '@shop/chassis/trace.ts'
import { configSchema } from '@shop/gateway/micro/config.ts'
import { startMicroGateway, type Composition } from '@shop/gateway/micro/gateway.ts'
import { carelessHeaders } from './all-headers.ts'
import { connectToAnyPeer } from './any-peer.ts'
import type { InboundCall } from '@shop/gateway/micro/inbound-call.ts'
import type { Control, Stage, Step } from '@shop/gateway/pipeline.ts'
import { operationOf } from '@shop/gateway/stages/find-operation.ts'
import { claimsOf } from '@shop/gateway/stages/verify-token.ts'
import { claimedPeer } from './claimed-peer.ts'
import { instead, readLabLaunch, without } from './leave-out.ts'

type One = Control<InboundCall>

const { launch, leftOut } = readLabLaunch(configSchema)
const { names: { trustDomain }, workload, config: { exchangeIssuer } } = launch

/** Whoever a certificate names, whoever made it. */
const believe: Step<InboundCall> = (call) => {
  call.peer = claimedPeer(call.socket, trustDomain)
  const trace = parseTraceparent(call.request.headers['traceparent'] as string | undefined)
  if (trace) call.trace = childOf(trace)
}

/** A token of the outside is as good as one of ours, for whatever is asked with it. */
const takeOutsideTokens = (verify: Stage<InboundCall>): Stage<InboundCall> => ({ request: (call) => {
  const claims = claimsOf(call)
  if (claims['iss'] === exchangeIssuer) {
    call.claims = undefined
    return verify.request!(call)
  }
  call.claims = { ...claims, aud: `spiffe://${trustDomain}/mesh/${workload}`, scope: operationOf(call).id, cnf: { 'x5t#S256': call.peer.thumbprint }, act: { sub: call.peer.spiffeId } }
  const [head, , signature] = call.token.split('.')
  call.token = `${head}.${Buffer.from(JSON.stringify(call.claims)).toString('base64url')}.${signature}`
} })

/** What is no stage of the inbound pipeline, or is done by someone careless. All others are left out of it by name. */
const compositions: Record<string, Composition> = {
  // Who may come without a certificate must not be refused for having none a moment later.
  'mutual-tls': { clientCertificate: 'optional', inbound: without<One>('verify-peer') },
  'verify-certificate': { clientCertificate: 'optional', guard: () => {}, inbound: instead<One>('verify-peer', () => ({ request: believe })) },
  'peer-id': { connect: connectToAnyPeer },
  'request-headers': { headerPolicy: carelessHeaders('request') },
  'response-headers': { headerPolicy: carelessHeaders('response') },
  'verify-token': { inbound: instead<One>('verify-token', takeOutsideTokens) },
}

const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
const gateway = await startMicroGateway(launch, log, compositions[leftOut] ?? { inbound: without<One>(leftOut) })
onStop(log, () => gateway.stop())
process.once('SIGUSR2', () => void gateway.stop(300).then(() => process.exit(0)))
ready()
log.warn({ leftOut }, 'a control is left out')
