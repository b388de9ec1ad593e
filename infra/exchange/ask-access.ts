/** The policy decision, asked before every token and never kept: a narrow token is the decision, for at most its minute (S2.1, S2.2). */
import { gather } from '@shop/chassis/gather.ts'
import { fetchJson } from '@shop/chassis/mesh-json.ts'
import { workloadOf } from '@shop/chassis/narrow-claims.ts'
import type { MeshPool } from '@shop/chassis/tls.ts'
import type { CallerPeer, Wanted } from './decide.ts'
import { Refusal } from './refusal.ts'

export type AskAccess = (wanted: Wanted, caller: CallerPeer) => Promise<void>

/** As many questions as access takes at once. */
const MAX_QUESTIONS = 50
type Evaluation = { decision?: unknown } | null

/**
 * Refuses with access_denied when policy says no, with temporarily_unavailable when it does not say yes in time: fail
 * closed. Each token's question is asked live; those that come while others are being judged are asked together.
 */
export function createAskAccess(pool: MeshPool, trustDomain: string, timeoutMs = 1_000): AskAccess {
  const evaluate = gather(async (questions: unknown[]): Promise<Evaluation[]> => {
    const { evaluations } = (await fetchJson(pool.dispatcher(), '/access/v1/evaluations', timeoutMs, { evaluations: questions })) as { evaluations: Evaluation[] }
    return evaluations
  }, MAX_QUESTIONS)
  return async ({ audience, scope, subject }, caller) => {
    const question = {
      subject: subjectOf(subject, trustDomain),
      action: { name: `${audience}.${scope}` },
      resource: { type: 'Service', id: audience },
      context: { caller: caller.workload },
    }
    let answer: Evaluation
    try {
      answer = await evaluate(question)
    } catch (cause) {
      throw new Refusal('temporarily_unavailable', 'policy-unavailable', 'The policy decision point does not answer', cause)
    }
    if (answer?.decision !== true) throw new Refusal('access_denied', 'policy-denied', 'Policy does not allow this operation to this subject')
  }
}

/** What access takes as a name. Another would spoil the questions that are asked with it. */
const NAME = /^[\x21-\x7e]{1,128}$/

function subjectOf(subject: Wanted['subject'], trustDomain: string): unknown {
  const id = subject.kind === 'service' ? workloadOf(subject.sub, trustDomain) : subject.sub
  const seller = subject.kind === 'user' ? subject.seller : undefined
  if (id === null || !NAME.test(id) || (seller !== undefined && !NAME.test(seller))) throw new Refusal('access_denied', 'policy-subject', 'Policy knows no such subject')
  if (subject.kind !== 'user') return { type: subject.kind === 'guest' ? 'Guest' : 'Workload', id }
  return { type: 'User', id, properties: { role: subject.role, ...(seller !== undefined && { seller }) } }
}
