/** What the authorization server refused, as events for the monitor (S5.1, S11.1). The library's details stay in the log. */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Logger } from '@shop/chassis/log.ts'
import type { Report, SecurityEvent } from '@shop/chassis/security-event.ts'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'

type Refusal = Error & { error?: string; error_description?: string; error_detail?: string }
type Meaning = Pick<SecurityEvent['data'], 'detection' | 'control' | 'code' | 'severity'>

/** First match wins; tried on 'error: what the library said to itself'. */
const MEANINGS: [RegExp, Meaning][] = [
  [/already (used|consumed)/, { detection: 'TOKEN-REPLAY', control: 'single-use', code: 'token-used', severity: 'high' }],
  [/Replay detected/i, { detection: 'TOKEN-REPLAY', control: 'proof-of-possession', code: 'token-used', severity: 'high' }],
  [/^use_dpop_nonce/, { detection: '', control: '', code: '', severity: 'low' }], // the first half of every honest exchange
  [/(jkt|x5t#S256) verification|dpop|certificate (subject|was not)/i, { detection: 'TOKEN-BIND', control: 'proof-of-possession', code: 'token-not-bound', severity: 'high' }],
  [/PKCE|code_challenge|code_verifier/, { detection: 'OAUTH-PKCE', control: 'pkce', code: 'pkce-refused', severity: 'high' }],
  [/^invalid_redirect_uri|redirect_uri/, { detection: 'OAUTH-REDIRECT', control: 'exact-redirect', code: 'redirect-refused', severity: 'high' }],
  [/Pushed Authorization Request|request_uri/, { detection: 'OAUTH-PAR', control: 'pushed-request', code: 'pushed-request-refused', severity: 'medium' }],
  [/^invalid_client/, { detection: 'TOKEN-INVALID', control: 'client-authentication', code: 'client-refused', severity: 'high' }],
  [/^(unauthorized_client|unsupported_)/, { detection: 'AE10', control: 'client-policy', code: 'grant-refused', severity: 'medium' }],
  [/^(invalid_grant|invalid_token)/, { detection: 'TOKEN-INVALID', control: 'grant', code: 'grant-refused', severity: 'medium' }],
  [/^(login_required|interaction_required|access_denied|consent_required)/, { detection: '', control: '', code: '', severity: 'low' }], // a person's choice
]
const OTHER: Meaning = { detection: 'RE5', control: 'oauth-parameters', code: 'request-refused', severity: 'medium' }

/** Pure: null for what is no misuse. */
export function meaningOf(error: Omit<Refusal, keyof Error>): Meaning | null {
  const said = `${error.error ?? ''}: ${error.error_detail ?? ''} ${error.error_description ?? ''}`
  const meaning = MEANINGS.find(([pattern]) => pattern.test(said))?.[1] ?? OTHER
  return meaning.detection === '' ? null : meaning
}

const REFUSALS = ['authorization.error', 'grant.error', 'pushed_authorization_request.error', 'revocation.error', 'end_session.error', 'end_session_confirm.error'] as const

export function reportRefusals(provider: Provider, report: Report, log: Logger): void {
  const emitter = provider as EventEmitter
  const listen = (event: string, listener: (ctx: KoaContextWithOIDC, error: Refusal) => void) => emitter.on(event, listener)
  for (const event of REFUSALS) listen(event, (ctx, error) => {
    const meaning = meaningOf(error)
    log.info({ event, error: error.error, detail: error.error_detail, client: ctx.oidc?.client?.clientId }, 'refused')
    if (meaning) report({ ...meaning, strategies: ['S1.6'], operation: event.replace('.error', ''), address: addressOf(ctx.req), ...(ctx.oidc?.account && { subject: ctx.oidc.account.accountId }) })
  })
  listen('server_error', (_ctx, error) => log.error({ err: error }, 'server_error'))
  emitter.on('error', (error: Error) => log.error({ err: error }, 'the provider failed'))
}

/** The network address, an IPv6 one by its /64: whoever has one has them all. */
export function addressOf(req: IncomingMessage): string {
  const address = (req.socket?.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '')
  return address.includes(':') && address !== '::1' ? `${address.split(':').slice(0, 4).join(':')}::/64` : address
}
