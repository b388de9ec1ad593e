/** The caller is the workload whose certificate it holds: exactly one SPIFFE id of this mesh (S4.2). Its trace goes on. */
import { peerOf } from '@shop/chassis/tls.ts'
import { childOf, parseTraceparent } from '@shop/chassis/trace.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'

export const verifyPeer = (trustDomain: string): Step<InboundCall> => (call) => {
  call.peer = peerOf(call.socket, trustDomain)
  const trace = parseTraceparent(call.request.headers['traceparent'] as string | undefined)
  if (trace) call.trace = trace.isSampled ? childOf(trace) : trace
}
