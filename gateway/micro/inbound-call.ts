/** One call on its way into a service. Made with what the caller claims; the controls verify it, each its part. */
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Operation } from '@shop/chassis/operation.ts'
import { uriNames, type Peer } from '@shop/chassis/tls.ts'
import { newTrace, type TraceContext } from '@shop/chassis/trace.ts'
import type { TokenClaims } from '../stages/token-verifier.ts'
import type { Answer } from '../upstream/call.ts'

export type InboundCall = {
  request: IncomingMessage
  socket: TLSSocket
  path: string
  /** Without '?'. */
  query: string
  /** Claimed by the first name in the certificate until verify-peer has looked. */
  peer: Peer
  trace: TraceContext
  /** Monotonic, ms. */
  startedAt: number
  deadline: number
  operation: Operation | undefined
  params: Record<string, string>
  token: string
  /** Set when they are verified; before that ask `claimsOf`. */
  claims: TokenClaims | undefined
  body: Buffer | undefined
  answer: Answer | undefined
}

export function inboundCall(request: IncomingMessage, startedAt: number): InboundCall {
  const url = request.url ?? ''
  const at = url.indexOf('?')
  return {
    request, socket: request.socket as TLSSocket, startedAt, deadline: startedAt + 2_000,
    path: at < 0 ? url : url.slice(0, at), query: at < 0 ? '' : url.slice(at + 1),
    peer: claimedPeer(request.socket as TLSSocket), trace: newTrace(false),
    operation: undefined, params: {}, token: '', claims: undefined, body: undefined, answer: undefined,
  }
}

const claimed = new WeakMap<TLSSocket, Peer>()

function claimedPeer(socket: TLSSocket): Peer {
  let peer = claimed.get(socket)
  if (!peer) {
    const certificate = socket.getPeerX509Certificate?.()
    const spiffeId = (certificate && uriNames(certificate)[0]) ?? ''
    peer = { spiffeId, workload: spiffeId.split('/').at(-1) ?? '', thumbprint: certificate ? Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url') : '' }
    claimed.set(socket, peer)
  }
  return peer
}
