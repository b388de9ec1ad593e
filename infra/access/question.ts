/**
 * Who may ask what (S2.3). Exchange is believed about subjects: it verified them. A service is believed about its own
 * resources only: who it asks for stands in the narrow token it was called with, and that token must be for it.
 */
import { isUserRole, workloadOf, type NarrowClaims } from '@shop/chassis/narrow-claims.ts'
import { InputInvalid, problem } from '@shop/chassis/problem.ts'
import type { Principal, Question } from './decide.ts'

export const QuestionNotYours = problem('question-not-yours', 403, 'You may not ask about this', 'Ask about your own operations, for the caller whose token you hold', 'ACE3')

/** As the OpenAPI document admits it. */
export type Evaluation = {
  subject: { type: Principal['type']; id: string; properties?: { role?: string; seller?: string } }
  action: { name: string }
  resource: { type: string; id: string; properties?: { owner?: string; seller?: string } }
  context?: { caller?: string }
}

/** `token`: the verified claims that a service passed; exchange passes none. Throws question-not-yours, input-invalid. */
export function questionOf(evaluation: Evaluation, asker: string, token: NarrowClaims | null, trustDomain: string): Question {
  const { subject, action, resource, context } = evaluation
  const [service, operation] = action.name.split('.') as [string, string]
  if (resource.type === 'Service' && resource.id !== service) throw InputInvalid({ errors: [{ field: 'body.resource.id', message: 'is another service than the action\'s' }] })
  const about = { service, operation, resource: { type: resource.type, id: resource.id, ...resource.properties } }
  if (asker === 'exchange') {
    if (!context?.caller) throw InputInvalid({ errors: [{ field: 'body.context.caller', message: 'is missing' }] })
    return { ...about, principal: given(subject), caller: context.caller }
  }
  if (service !== asker || !token || token.scope !== operation) throw QuestionNotYours({ evidence: { reason: `${asker} about ${action.name}` } })
  const principal = principalOf(token, trustDomain)
  const caller = workloadOf(token.act.sub, trustDomain)!
  if (subject.type !== principal.type || subject.id !== principal.id || subject.properties || (context?.caller ?? caller) !== caller)
    throw QuestionNotYours({ evidence: { reason: 'the body says another subject than the token' } })
  return { ...about, principal, caller }
}

function given({ type, id, properties = {} }: Evaluation['subject']): Principal {
  if (type !== 'User') return { type, id }
  if (!isUserRole(properties.role)) throw InputInvalid({ errors: [{ field: 'body.subject.properties.role', message: 'is missing' }] })
  return { type, id, role: properties.role, ...(properties.seller !== undefined && { seller: properties.seller }) }
}

/** The subject of a narrow token as policies see it. */
function principalOf({ sub, role, seller }: Pick<NarrowClaims, 'sub' | 'role' | 'seller'>, trustDomain: string): Principal {
  if (role === 'guest') return { type: 'Guest', id: sub }
  if (role === 'service') return { type: 'Workload', id: workloadOf(sub, trustDomain) ?? '' }
  return { type: 'User', id: sub, role, ...(seller !== undefined && { seller }) }
}
