import type { EdgeCall } from '../edge/call.ts'
import { TokenNotAccepted } from '../edge/problems.ts'
import type { Step } from '../pipeline.ts'

/**
 * No door takes a token yet: the web door knows sessions, mobile and partner offer public reads (S1.2). Refused rather
 * than ignored, so that nobody believes an unchecked token counted, and a leaked internal one is noticed (S10.3).
 */
export const refuseTokens = (): Step<EdgeCall> => (call) => {
  if (call.header('authorization') !== undefined || call.header('dpop') !== undefined) throw TokenNotAccepted({ headers: { 'www-authenticate': 'DPoP algs="ES256"' } })
}
