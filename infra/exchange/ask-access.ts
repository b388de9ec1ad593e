/** The policy decision, asked before every token and never kept: a narrow token is the decision, for at most its minute (S2.1, S2.2). */
import { fetchJson } from '@shop/chassis/mesh-json.ts'
import { workloadOf } from '@shop/chassis/narrow-claims.ts'
import type { MeshPool } from '@shop/chassis/tls.ts'
import type { CallerPeer, Wanted } from './decide.ts'
import { Refusal } from './refusal.ts'

export type AskAccess = (wanted: Wanted, caller: CallerPeer) => Promise<void>

/** Refuses with access_denied when policy says no, with temporarily_unavailable when it does not say yes in time: fail closed. */
export function createAskAccess(pool: MeshPool, trustDomain: string, timeoutMs = 1_000): AskAccess {
  return async ({ audience, scope, subject }, caller) => {
    const question = {
      subject: subjectOf(subject, trustDomain),
      action: { name: `${audience}.${scope}` },
      resource: { type: 'Service', id: audience },
      context: { caller: caller.workload },
    }
    let answer: { decision?: unknown } | null
    try {
      answer = (await fetchJson(pool.dispatcher(), '/access/v1/evaluation', timeoutMs, question)) as { decision?: unknown } | null
    } catch (cause) {
      throw new Refusal('temporarily_unavailable', 'policy-unavailable', 'The policy decision point does not answer', cause)
    }
    if (answer?.decision !== true) throw new Refusal('access_denied', 'policy-denied', 'Policy does not allow this operation to this subject')
  }
}

function subjectOf(subject: Wanted['subject'], trustDomain: string): unknown {
  if (subject.kind === 'guest') return { type: 'Guest', id: subject.sub }
  if (subject.kind === 'service') return { type: 'Workload', id: workloadOf(subject.sub, trustDomain) }
  const { sub, role, seller } = subject
  return { type: 'User', id: sub, properties: { role, ...(seller !== undefined && { seller }) } }
}
