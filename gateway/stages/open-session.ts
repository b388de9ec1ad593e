import type { EdgeCall } from '../edge/call.ts'
import type { Sessions } from '../edge/sessions/sessions.ts'
import type { Step } from '../pipeline.ts'

/**
 * Opens the session that the cookie names (S10.1). A forged or repeated cookie is refused; one whose session has ended
 * makes a visitor of a reader, and is an error only where something is to be done with it.
 */
export const openSession = (sessions: Sessions): Step<EdgeCall> => (call) => {
  // Files of the storefront are the same for everyone, and the provider has no cookie.
  const isForNobody = call.target?.kind === 'asset' || (call.target?.kind === 'operation' && call.target.operation.spec['x-audience'] === 'provider')
  if (!isForNobody) return sessions.open(call)
}
