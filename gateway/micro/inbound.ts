/** What a call into the service must pass, top to bottom (S13.1). Cheap refusals first; nothing is read twice. */
import type { Api } from '@shop/chassis/operation.ts'
import { control, type Control, type Step } from '../pipeline.ts'
import { checkAudience } from '../stages/check-audience.ts'
import { checkBinding } from '../stages/check-binding.ts'
import { checkChain } from '../stages/check-chain.ts'
import { checkScope } from '../stages/check-scope.ts'
import { findOperation } from '../stages/find-operation.ts'
import type { HeaderAllowList, Pass } from '../stages/header-allow-list.ts'
import { keepDeadline } from '../stages/keep-deadline.ts'
import { limitBody } from '../stages/limit-body.ts'
import { pairPolicy } from '../stages/pair-policy.ts'
import { refuseAmbiguousFraming } from '../stages/refuse-ambiguous-framing.ts'
import { requestSchema } from '../stages/request-schema.ts'
import { responseSchema } from '../stages/response-schema.ts'
import { singleUse, type Redeem } from '../stages/single-use.ts'
import type { TokenVerifier } from '../stages/token-verifier.ts'
import { verifyPeer } from '../stages/verify-peer.ts'
import { readToken, verifyToken } from '../stages/verify-token.ts'
import type { InboundCall } from './inbound-call.ts'

export type InboundParts = {
  trustDomain: string
  /** Our own SPIFFE id. */
  audience: string
  callers: Record<string, string[]>
  api: Api
  headers: Map<string, HeaderAllowList>
  /** What of the service's headers leaves it. */
  passResponse?: Pass
  toldOfHeaders?: (call: InboundCall, names: string[]) => void
  tokens: TokenVerifier
  redeem: Redeem
  /** Answers the registrar, and nobody else. */
  health: Step<InboundCall>
  now: () => number
}

export const inboundPipeline = (d: InboundParts): Control<InboundCall>[] => [
  control('S5.1 S13.1',  'framing',         refuseAmbiguousFraming()),
  control('S4.2',        'verify-peer',     verifyPeer(d.trustDomain)),
  control('S3.6 S7.1',   'health',          d.health),
  control('S13.1',       'find-operation',  findOperation(d.api)),
  control('S13.1 S13.2', 'pair-policy',     pairPolicy(d.callers)),
  control('S6.1',        'deadline',        keepDeadline(d.now)),
  control('S1.1',        'read-token',      readToken()),
  control('S2.4 S12.5',  'verify-token',    verifyToken(d.tokens)),
  control('S2.5',        'check-audience',  checkAudience(d.audience)),
  control('S2.5',        'check-scope',     checkScope()),
  control('S2.5 S11.1',  'check-binding',   checkBinding()),
  control('S13.1',       'check-chain',     checkChain(d.audience, d.trustDomain)),
  control('S5.1 S13.1',  'limit-body',      limitBody()),
  control('S1.1',        'single-use',      singleUse(d.redeem)),
  control('S5.1 G7',     'request-schema',  requestSchema()),
  control('G7 S4.1',     'response-schema', responseSchema(d.headers, d.passResponse, d.toldOfHeaders)),
]
