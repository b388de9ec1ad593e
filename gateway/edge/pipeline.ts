/**
 * What a request at a door must pass, top to bottom; a gap is a decision (S2.1, G4). Cheap refusals first. Tokens are
 * narrowed per upstream call: `upstream/narrow-token.ts`.
 */
import type { Report } from '@shop/chassis/security-event.ts'
import { control, type Control } from '../pipeline.ts'
import { allowMethods } from '../stages/allow-methods.ts'
import { authorizeCoarsely } from '../stages/authorize-coarsely.ts'
import { checkApiKey } from '../stages/check-api-key.ts'
import { filterResponseHeaders } from '../stages/filter-response-headers.ts'
import { inspect } from '../stages/inspect.ts'
import { limitAnonymous, type AnonymousLimit } from '../stages/limit-anonymous.ts'
import { matchOperation, type Routes } from '../stages/match-operation.ts'
import { openSession } from '../stages/open-session.ts'
import { refuseTokens } from '../stages/refuse-tokens.ts'
import { requireCanonicalRequest } from '../stages/require-canonical-request.ts'
import { requireClientCertificate } from '../stages/require-client-certificate.ts'
import { requireSameOrigin } from '../stages/require-same-origin.ts'
import { setSecurityHeaders } from '../stages/set-security-headers.ts'
import { shapeResponse } from '../stages/shape-response.ts'
import { startTrace } from '../stages/start-trace.ts'
import { validateRequest } from '../stages/validate-request.ts'
import type { DoorName, EdgeCall } from './call.ts'
import type { Sessions } from './sessions/sessions.ts'

export type EdgeParts = {
  identityOrigin: string
  pspOrigin: string
  limit: AnonymousLimit
  clients: Record<string, { apiKeyHash: string }>
  routes: Routes
  sessions: Sessions
  /** The public API's document. */
  publicApi: Record<string, any>
  report: Report
  /** Share of requests whose spans are kept. */
  traceRatio: number
  random: () => number
}

const [W, M, P] = ['web', 'mobile', 'partner'] as const

export const edgePipeline = (d: EdgeParts): Control<EdgeCall, DoorName>[] => [
  control('S12.4',       'trace',              startTrace(d.traceRatio, d.random),               W, M, P),
  control('S4.1 S10.3',  'response-headers',   filterResponseHeaders(),                          W, M, P),
  control('T1',          'security-headers',   setSecurityHeaders(d.identityOrigin, d.pspOrigin), W, M, P),
  control('S5.1 S12.2',  'canonical-request',  requireCanonicalRequest(),                        W, M, P),
  control('S5.1 T1',     'method-allow-list',  allowMethods(),                                   W, M, P),
  control('S8.1',        'limit-anonymous',    limitAnonymous(d.limit),                          W, M, P),
  control('S5.1 T1',     'inspect',            inspect(d.report),                                W, M, P),
  control('S4.2',        'client-certificate', requireClientCertificate(),                             P),
  control('S1.3',        'api-key',            checkApiKey(d.clients),                                 P),
  control('S1.2',        'refuse-tokens',      refuseTokens(),                                   W, M, P),
  control('S5.1 S4.1',   'match-operation',    matchOperation(d.routes),                         W, M, P),
  control('S10.1',       'session',            openSession(d.sessions),                          W      ),
  control('S10.1 T1',    'same-origin',        requireSameOrigin(d.sessions),                    W      ),
  control('S5.1 T1',     'validate-request',   validateRequest(),                                W, M, P),
  control('S2.1',        'authorize-coarsely', authorizeCoarsely(),                              W, M, P),
  control('G2',          'shape-response',     shapeResponse(d.publicApi),                        W, M, P),
]
