/**
 * A token for exactly one call: this callee, this operation, bound to our certificate (S12.5, S2.5).
 *
 * Only tokens for reads are kept, under a key that holds all that the exchange decided by. Writes always exchange. With
 * our certificate go those that were bound to it: so they are forgotten when rules change (ADR 0023).
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2
 */
import { hash } from 'node:crypto'
import { makeRoom } from '@shop/chassis/make-room.ts'
import type { Operation } from '@shop/chassis/operation.ts'
import { problem, Unavailable, type Problem } from '@shop/chassis/problem.ts'
import { TokenExpired, TokenInvalid } from '../stages/token-verifier.ts'
import type { AskExchange, Asking } from './ask-exchange.ts'
import type { UpstreamSubject } from './call.ts'
import type { Clock } from './clock.ts'

/** The exchange reports its refusals itself. */
export const ExchangeDenied = problem('exchange-denied', 403, 'You may not do this', 'Use an account that may')
/** Not the model but a rule of access said no (S2.3). */
export const PolicyDenied = problem('policy-denied', 403, 'A rule does not let you do this', 'Use an account that may')

export type TokenWanted = Asking & { subject: UpstreamSubject; callee: string; operation: Operation; rel?: string | undefined }
export type NarrowTokens = {
  /** At once when it is kept. @throws token-invalid, token-expired, exchange-denied, unavailable, deadline-exceeded */
  get(wanted: TokenWanted): string | Promise<string>
  /** False when the token was used before. Throws unavailable: then nobody knows. */
  redeem(token: string, asking: Asking): Promise<boolean>
}

/** A kept token is used until so long before its end, ms: the call it goes with takes time. */
const MARGIN_MS = 5_000

/** What tokens are kept under: all that the exchange decided by, so that no two subjects, pairs of hands or operations share one. */
export function tokenKey({ subject, callee, operation, credentials, rel }: TokenWanted): string {
  const who = subject.kind === 'token' ? `token ${hash('sha256', subject.token, 'base64url')}` : subject.kind === 'guest' ? `guest ${subject.guest}` : 'self'
  return `${who} ${credentials.thumbprint} ${callee} ${operation.id} ${rel ?? ''}`
}

export function createNarrowTokens(ask: AskExchange, clock: Clock, capacity = 5_000, keyOf = tokenKey): NarrowTokens {
  const kept = new Map<string, { token: string; until: number }>()
  const asking = new Map<string, Promise<{ token: string; until: number }>>()

  async function exchange({ subject, callee, operation, ...asking }: TokenWanted): Promise<{ token: string; until: number }> {
    const { status, body } = await ask.token(tokenForm(subject, callee, operation.id), asking)
    if (status !== 200) throw refusal(status, body)
    const { access_token: token, expires_in: seconds } = body
    if (typeof token !== 'string' || typeof seconds !== 'number') throw Unavailable({ evidence: { reason: 'the exchange answered no token' } })
    return { token, until: clock.wall() + seconds * 1000 - MARGIN_MS }
  }

  return {
    get(wanted) {
      const { operation } = wanted
      if (operation.method !== 'GET' || operation.isSingleUse) return exchange(wanted).then(tokenOf)
      const key = keyOf(wanted)
      const known = kept.get(key)
      if (known && clock.wall() < known.until) return known.token
      let asked = asking.get(key)
      if (!asked) {
        asked = exchange(wanted).then((fresh) => {
          kept.delete(key)
          makeRoom(kept, capacity)
          kept.set(key, fresh)
          return fresh
        }).finally(() => asking.delete(key))
        asking.set(key, asked)
      }
      return asked.then(tokenOf)
    },
    async redeem(token, asking) {
      const { status, body } = await ask.redeem(new URLSearchParams({ token }), asking)
      if (status === 200) return true
      if (status === 409) return false
      throw status >= 500 ? Unavailable({ evidence: { reason: `redeem: ${status}` } }) : TokenInvalid({ evidence: { reason: `redeem: ${String(body['error'])}` } })
    },
  }
}

const tokenOf = ({ token }: { token: string }): string => token

function tokenForm(subject: UpstreamSubject, audience: string, scope: string): URLSearchParams {
  if (subject.kind !== 'token') return new URLSearchParams({ grant_type: 'client_credentials', audience, scope, ...(subject.kind === 'guest' && { guest: subject.guest }) })
  return new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: subject.token, audience, scope,
  })
}

/** RFC 6749 §5.2: what is wrong with the subject is the caller's to mend (401), what it may not do is not (403). */
function refusal(status: number, body: Record<string, unknown>): Problem {
  const reason = `${String(body['error'])}: ${String(body['error_description'] ?? '')}`.slice(0, 200)
  if (status >= 500 || status === 429) return Unavailable({ detail: 'Nobody can decide on this call right now', headers: { 'retry-after': '1' }, evidence: { reason } })
  if (body['code'] === 'policy-denied') return PolicyDenied({ evidence: { reason } })
  if (body['error'] !== 'invalid_grant') return ExchangeDenied({ evidence: { reason } })
  return /expired$/.test(String(body['code'])) ? TokenExpired({ evidence: { reason } }) : TokenInvalid({ evidence: { reason } })
}
