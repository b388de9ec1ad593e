import type { EdgeCall } from '../edge/call.ts'
import { RoleNotAllowed, SignInRequired } from '../edge/problems.ts'
import type { OpenSession } from '../edge/sessions/sessions.ts'
import type { Step } from '../pipeline.ts'

/** Refuses here, at the first gateway, what no fine decision further in could allow (S2.1). The exchange and the service still ask. */
export const authorizeCoarsely = (): Step<EdgeCall> => (call) => {
  if (call.target?.kind === 'operation') requireAudience(call.target.operation.spec['x-audience'], call.session)
}

/** `audience` as x-audience in the public API says; unknown ones admit nobody. */
export function requireAudience(audience: unknown, session: OpenSession | undefined): void {
  if (audience === 'public' || audience === 'provider') return
  const role = session?.data.user?.role
  if (!role) throw SignInRequired()
  if (audience !== 'customer' && audience !== role) throw RoleNotAllowed({ evidence: { reason: `${role} is not ${String(audience)}` } })
}
