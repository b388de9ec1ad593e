/** What a call out of the service must pass; the upstream's own controls follow (`upstream/pipeline.ts`). */
import type { Api } from '@shop/chassis/operation.ts'
import { MediaTypeUnsupported, Problem } from '@shop/chassis/problem.ts'
import { control, type Control, type Step } from '../pipeline.ts'
import { keepDeadline } from '../stages/keep-deadline.ts'
import { limitBody } from '../stages/limit-body.ts'
import { MeshDenied } from '../stages/pair-policy.ts'
import { refuseAmbiguousFraming } from '../stages/refuse-ambiguous-framing.ts'
import type { Upstream, UpstreamSubject } from '../upstream/call.ts'
import type { OutboundCall } from './outbound-call.ts'

export type OutboundParts = { upstream: Upstream; now: () => number }

export const outboundPipeline = (d: OutboundParts): Control<OutboundCall>[] => [
  control('S5.1',        'framing',       refuseAmbiguousFraming()),
  control('S13.1 S13.2', 'callee-policy', calleePolicy((callee) => d.upstream.api(callee))),
  control('S6.1',        'deadline',      keepDeadline(d.now)),
  control('S5.1 S13.1',  'limit-body',    limitBody()),
]

/** Only callees and operations that the model names (S13.2). Throws mesh-denied. */
const calleePolicy = (api: (callee: string) => Api | undefined): Step<OutboundCall> => (call) => {
  try {
    const found = api(call.callee)?.match(call.request.method ?? '', call.path)
    if (found) Object.assign(call, found)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
  }
  const { operation, callee } = call
  if (!operation) throw MeshDenied({ evidence: { reason: `policy names no ${call.request.method} ${call.path.slice(0, 64)} of ${callee.slice(0, 64)}` } })
  if (call.request.headers['content-encoding']) throw MediaTypeUnsupported()
}

/** Behind the controls: the service acts for whom it was called for, or as itself. */
export const callOut = (upstream: Upstream): Step<OutboundCall> => async (call) => {
  const { authorization } = call.request.headers
  call.answer = await upstream.call({
    callee: call.callee, operation: call.operation!.id, params: call.params, query: call.query, body: call.body,
    headers: call.request.headers as Record<string, string>, authorization,
    subject: subjectOf(authorization), trace: call.trace, deadline: call.deadline, asker: call.request.socket,
  })
}

function subjectOf(authorization: string | undefined): UpstreamSubject {
  const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/.exec(authorization ?? '')?.[1]
  return token ? { kind: 'token', token } : { kind: 'self' }
}
