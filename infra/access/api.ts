/** AuthZEN's endpoints over the decision (OpenID Authorization API 1.0 §6, §7, §9). */
import type { TLSSocket } from 'node:tls'
import type { ApiCall, ApiHandlers } from '@shop/chassis/control-api.ts'
import type { Jwks } from '@shop/chassis/jwks.ts'
import { isSignedBy, parseJws } from '@shop/chassis/jws.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { readNarrowClaims, type NarrowClaims } from '@shop/chassis/narrow-claims.ts'
import { InputInvalid, problem } from '@shop/chassis/problem.ts'
import { peerOf, type Peer } from '@shop/chassis/tls.ts'
import type { Policies } from './decide.ts'
import { questionOf, QuestionNotYours, type Evaluation } from './question.ts'

export const SubjectTokenInvalid = problem('token-invalid', 401, 'The token you pass is not for you, not valid or no longer', 'Pass the narrow token you were called with', 'TOKEN-INVALID')

type Semantic = 'execute_all' | 'deny_on_first_deny' | 'permit_on_first_permit'
type Answer = { decision: boolean; context?: { rules?: string[]; reason?: string } }
export type AccessParts = { policies: Policies; exchangeKeys: Jwks; trustDomain: string; origin: string; log: Logger; now(): number }

export function accessHandlers(d: AccessParts): ApiHandlers {
  const decide = (evaluation: Evaluation, peer: Peer, token: NarrowClaims | null): Answer => {
    const question = questionOf(evaluation, peer.workload, token, d.trustDomain)
    const { isAllowed, rules, error } = d.policies.decide(question)
    if (error) d.log.warn({ service: question.service, operation: question.operation, error }, 'a question could not be judged and was denied')
    return { decision: isAllowed, context: { rules, ...(error && { reason: 'not judged' }) } }
  }

  /** Exchange alone asks without a token. Others pass theirs, for their own audience. */
  async function tokenOf(call: ApiCall, peer: Peer): Promise<NarrowClaims | null> {
    if (peer.workload === 'exchange') return null
    if (!d.policies.has(peer.workload)) throw QuestionNotYours({ evidence: { reason: `${peer.workload} has no operations` } })
    const jws = parseJws(/^Bearer (.+)$/.exec(call.headers['authorization'] ?? '')?.[1] ?? '')
    if (!jws) throw SubjectTokenInvalid({ evidence: { reason: 'missing or malformed' } })
    const claims = readNarrowClaims(jws, { trustDomain: d.trustDomain, audience: peer.spiffeId }, d.now() / 1000)
    if (typeof claims === 'string') throw SubjectTokenInvalid({ evidence: { reason: claims } })
    const key = await d.exchangeKeys.key(jws.kid)
    if (!key || !isSignedBy(jws, key)) throw SubjectTokenInvalid({ evidence: { reason: 'signature' } })
    return claims
  }

  return {
    async evaluate(call) {
      const peer = peerOf(call.req.socket as TLSSocket, d.trustDomain)
      return { status: 200, body: decide(call.body as Evaluation, peer, await tokenOf(call, peer)) }
    },
    async evaluateMany(call) {
      const peer = peerOf(call.req.socket as TLSSocket, d.trustDomain)
      const token = await tokenOf(call, peer)
      const { evaluations, options, ...defaults } = call.body as Partial<Evaluation> & { evaluations: Partial<Evaluation>[]; options?: { evaluations_semantic?: Semantic } }
      const answers: Answer[] = []
      for (const [i, one] of evaluations.entries()) {
        const answer = decide(whole({ ...defaults, ...one }, i), peer, token)
        answers.push(answer)
        if (endsAt(options?.evaluations_semantic, answer.decision)) break
      }
      return { status: 200, body: { evaluations: answers } }
    },
    getConfiguration: () => ({
      status: 200,
      body: { policy_decision_point: d.origin, access_evaluation_endpoint: `${d.origin}/access/v1/evaluation`, access_evaluations_endpoint: `${d.origin}/access/v1/evaluations` },
    }),
  }
}

const endsAt = (semantic: Semantic | undefined, decision: boolean) =>
  (semantic === 'deny_on_first_deny' && !decision) || (semantic === 'permit_on_first_permit' && decision)

function whole(evaluation: Partial<Evaluation>, i: number): Evaluation {
  const missing = (['subject', 'action', 'resource'] as const).filter((part) => !evaluation[part])
  if (missing.length) throw InputInvalid({ errors: missing.map((part) => ({ field: `body.evaluations[${i}].${part}`, message: 'is missing' })) })
  return evaluation as Evaluation
}
