/**
 * Signing in and out at the web door (S1.6, S10.1): authorization code with PKCE and PAR, bound to the browser's own
 * session. Tokens stay in the sealed session; the browser never sees one.
 * @see https://www.rfc-editor.org/rfc/rfc9700 https://www.rfc-editor.org/rfc/rfc9126 https://www.rfc-editor.org/rfc/rfc9207
 */
import { randomUUID } from 'node:crypto'
import type { Logger } from '@shop/chassis/log.ts'
import { InputInvalid, Problem, Unavailable } from '@shop/chassis/problem.ts'
import * as oidc from 'openid-client'
import type { Ask } from './ask.ts'
import { seeOther, type Answer, type EdgeCall } from './call.ts'
import type { IdentityClient } from './identity-client.ts'
import { SessionEnded, SignInFailed, StateMismatch } from './problems.ts'
import type { OpenSession, PendingSignIn, SessionData, Sessions, Tokens, User } from './sessions/sessions.ts'

export type SignIn = {
  /** Sends the browser to the provider, to come back to `returnTo`, a path of this shop. */
  start(call: EdgeCall, returnTo: string): Promise<Answer>
  /** Takes the provider's answer: once, for the session that asked, from the issuer that was asked. */
  finish(call: EdgeCall): Promise<Answer>
  /** Ends the session here first, then tells the provider. */
  signOut(call: EdgeCall): Promise<Answer>
  /** Moves the cart from before the sign-in to the user; asked again with the next look at the cart when it fails. */
  mergeCart(call: EdgeCall, session: OpenSession): Promise<void>
  /** A user token with some life left. Throws session-ended when the provider refuses to renew it, unavailable when it cannot be asked. */
  freshToken(session: OpenSession): Promise<string>
}

const PENDING_MS = 15 * 60_000
const MAX_PENDING = 4
const RENEW_BEFORE_MS = 30_000

export function createSignIn(
  { client, sessions, origin, audience, ask, log, now }: { client: IdentityClient; sessions: Sessions; origin: string; /** Our SPIFFE id: whom user tokens are for. */ audience: string; ask: () => Ask; log: Logger; now: () => number }): SignIn {
  const callback = `${origin}/callback`
  const renewals = new Map<string, Promise<SessionData>>()

  async function renew(session: OpenSession): Promise<SessionData> {
    const config = await client.configuration()
    let isRefused = false
    await sessions.update(session, async (data) => {
      // Another process may have renewed it while we waited for the row.
      if (!data.user || !data.tokens || data.tokens.expiresAt - now() > RENEW_BEFORE_MS) return data
      try {
        const answer = data.tokens.refresh ? await oidc.refreshTokenGrant(config, data.tokens.refresh, { resource: audience }) : undefined
        if (answer) return { ...data, tokens: tokensOf(answer, now(), data.tokens) }
      } catch (cause) {
        if (!(cause instanceof oidc.ResponseBodyError) || cause.status >= 500) throw Unavailable({ cause })
        log.info({ err: cause }, 'the provider refused to renew a session')
      }
      isRefused = true
      return { guestId: randomUUID() }
    })
    if (isRefused) throw SessionEnded()
    return session.data
  }

  const signIn: SignIn = {
    async start(call, returnTo) {
      requireLocalPath(returnTo, origin)
      const config = await client.configuration()
      const pending: PendingSignIn = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier(), returnTo, startedAt: now() }
      const to = await oidc.buildAuthorizationUrlWithPAR(config, {
        redirect_uri: callback, response_type: 'code', scope: 'openid profile shop', resource: audience,
        state: pending.state, nonce: pending.nonce, code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier), code_challenge_method: 'S256',
      }).catch((cause: unknown) => { throw Unavailable({ cause }) })
      const session = await sessions.begin(call)
      await sessions.update(session, (data) => ({ ...data, signIns: [...(data.signIns ?? []).filter((p) => now() - p.startedAt < PENDING_MS).slice(1 - MAX_PENDING), pending] }))
      return seeOther(to.href)
    },

    async finish(call) {
      const { state, iss, error } = call.input!.query as { state: string; iss: string; error?: string }
      const config = await client.configuration()
      if (!call.session) throw StateMismatch({ evidence: { reason: 'no session' } })
      let pending: PendingSignIn | undefined
      await sessions.update(call.session, (data) => {
        pending = data.signIns?.find((p) => p.state === state && now() - p.startedAt < PENDING_MS)
        return { ...data, signIns: data.signIns?.filter((p) => p.state !== state) }
      })
      if (!pending) throw StateMismatch({ evidence: { reason: 'state' } })
      if (iss !== config.serverMetadata().issuer) throw StateMismatch({ evidence: { reason: 'issuer' } })
      if (error === 'access_denied') return seeOther(pending.returnTo) // the person turned back
      if (error !== undefined) throw SignInFailed({ evidence: { reason: error } })
      const answer = await oidc.authorizationCodeGrant(config, new URL(`${callback}?${call.query}`), { expectedState: state, expectedNonce: pending.nonce, pkceCodeVerifier: pending.verifier, idTokenExpected: true }, { resource: audience })
        .catch((cause: unknown) => { throw isAway(cause) ? Unavailable({ cause }) : SignInFailed({ cause, evidence: { reason: String((cause as { code?: unknown }).code ?? 'unknown') } }) })
      const { guestId, user: before } = call.session.data
      const session = await sessions.rotate(call, { guestId: randomUUID(), user: userOf(answer.claims()!), tokens: tokensOf(answer, now()), ...(!before && { mergeGuest: guestId }) })
      await signIn.mergeCart(call, session)
      return seeOther(pending.returnTo)
    },

    async signOut(call) {
      const tokens = call.session?.data.tokens
      await sessions.end(call)
      if (!tokens) return seeOther('/')
      const config = await client.configuration().catch(() => undefined)
      if (!config) return seeOther('/')
      if (tokens.refresh) await oidc.tokenRevocation(config, tokens.refresh, { token_type_hint: 'refresh_token' }).catch((err: unknown) => log.warn({ err }, 'a refresh token was not revoked'))
      return seeOther(oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: `${origin}/`, id_token_hint: tokens.id }).href)
    },

    async mergeCart(call, session) {
      const { mergeGuest } = session.data
      if (!mergeGuest) return
      try {
        await ask()(call, 'order', 'mergeCart', { body: { guestId: mergeGuest } })
        await sessions.update(session, ({ mergeGuest: _done, ...data }) => data)
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        log.warn({ err: error, traceId: call.trace.traceId }, 'a cart waits to be merged')
      }
    },

    async freshToken(session) {
      const { tokens } = session.data
      if (!tokens) throw SessionEnded()
      if (tokens.expiresAt - now() > RENEW_BEFORE_MS) return tokens.access
      const key = session.hash.toString('hex')
      const renewal = renewals.get(key) ?? renew(session).finally(() => renewals.delete(key))
      renewals.set(key, renewal)
      try {
        // The requests of one session hold copies of it.
        session.data = await renewal
      } catch (error) {
        // Away is not refused: what is left of the token's life can still be used.
        if (!(error instanceof Problem && error.code === Unavailable.code && tokens.expiresAt > now())) throw error
      }
      return session.data.tokens?.access ?? tokens.access
    },
  }
  return signIn
}

/** Only a path of this very shop, as it stands: nothing in it that a browser, or whoever looks at it on the way, could resolve to elsewhere (T1). Throws input-invalid. */
export function requireLocalPath(path: string, origin: string): void {
  const url = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path) ? URL.parse(path, origin) : null
  const isLocal = url?.origin === origin && url.pathname === path.split(/[?#]/, 1)[0]
  if (!isLocal) throw InputInvalid({ errors: [{ field: 'query.return', message: 'must be a path of this shop' }] })
}

const isAway = (error: unknown): boolean => !(error instanceof oidc.ResponseBodyError) && !(error instanceof oidc.AuthorizationResponseError) && ['OAUTH_TIMEOUT', undefined].includes((error as { code?: string }).code)

function tokensOf(answer: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers, now: number, before?: Tokens): Tokens {
  const refresh = answer.refresh_token ?? before?.refresh
  return { access: answer.access_token, ...(refresh && { refresh }), id: answer.id_token ?? before?.id ?? '', expiresAt: now + (answer.expires_in ?? 60) * 1_000 }
}

function userOf(claims: oidc.IDToken): User {
  const { sub, name, role, seller } = claims as oidc.IDToken & Record<string, unknown>
  if (role !== 'customer' && role !== 'seller' && role !== 'staff') throw SignInFailed({ evidence: { reason: 'role' } })
  return { sub, name: typeof name === 'string' ? name.slice(0, 100) : '', role, ...(typeof seller === 'string' && { seller }) }
}
