/** Only what mesh policy names: this caller, this operation, this media type. Absent means no (S13.1, S13.2). */
import { requireMediaType } from '@shop/chassis/operation.ts'
import { problem, type Problem } from '@shop/chassis/problem.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'

export const MeshDenied = problem('mesh-denied', 403, 'Mesh policy does not allow this call', 'Name caller and operation in the model', 'MESH-DENY')

/** `callers`: workload → operation ids. */
export const pairPolicy = (callers: Record<string, string[]>): Step<InboundCall> => {
  const pairs = new Set(Object.entries(callers).flatMap(([caller, ids]) => ids.map((id) => `${caller} ${id}`)))
  return (call) => {
    const { operation, peer, request } = call
    if (!operation) throw MeshDenied({ evidence: { reason: 'no such operation' } })
    if (!pairs.has(`${peer.workload} ${operation.id}`)) throw MeshDenied({ evidence: { reason: `${peer.workload} may not call ${operation.id}` } })
    const type = request.headers['content-type']
    if (type !== undefined || request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined)
      if (operation.mediaTypes.length) declared(() => requireMediaType(operation, type))
      else if (type !== undefined) throw MeshDenied({ evidence: { reason: `${operation.id} takes no body` } })
  }
}

function declared(check: () => void): void {
  try {
    check()
  } catch (cause) {
    throw MeshDenied({ evidence: { reason: 'media type is not declared' }, headers: (cause as Problem).options.headers ?? {}, cause })
  }
}
