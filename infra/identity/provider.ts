/**
 * The authorization server (S1.6): code + PKCE + PAR only, ES256 only, clients known beforehand, sender or certificate
 * proven, every refresh token good once.
 * @see https://www.rfc-editor.org/rfc/rfc9700 https://www.rfc-editor.org/rfc/rfc9068 https://www.rfc-editor.org/rfc/rfc9126
 */
import type { TLSSocket } from 'node:tls'
import type { Names } from '@shop/chassis/launch.ts'
import type { Configuration, ExternalSigningKey as SigningKey, KoaContextWithOIDC, Provider as ProviderType } from 'oidc-provider'
import type { Account, Accounts } from './accounts.ts'
import type { Bearer } from './client-certificate.ts'
import type { Config } from './config.ts'
import type { Pages } from './pages.ts'
import { errors, interactionPolicy, Provider } from './provider-library.ts'
import type { createAdapter } from './adapter.ts'

export type ProviderParts = {
  config: Pick<Config, 'issuer' | 'edge' | 'mobile' | 'signingKey'>
  names: Names
  adapter: ReturnType<typeof createAdapter>
  accounts: Accounts
  pages: Pages
  bearerOf(socket: TLSSocket): Bearer | null
  /** Signs cookies. */
  cookieKey: string
  /** 32 bytes: makes and checks DPoP nonces. */
  nonceKey: Buffer
  /** The signer first. */
  keys: SigningKey[]
}

const HOUR = 3600
const SESSION_SECONDS = 12 * HOUR
/** A JWT cannot be taken back: it lives no longer than this, nor than its key is published. */
const ACCESS_TOKEN_SECONDS = 300

/** Builds one provider. Its state is in the adapter, so another with other keys may take over at any moment. */
export function createProvider({ config, names, adapter, accounts, pages, bearerOf, cookieKey, nonceKey, keys }: ProviderParts): ProviderType {
  const policy = interactionPolicy.base()
  policy.remove('consent') // both clients are the shop's own
  const bearer = (ctx: KoaContextWithOIDC) => bearerOf(ctx.req.socket as TLSSocket)
  const resource = config.edge.spiffeId
  const ES256 = ['ES256'] as const
  const cookie = { httpOnly: true, secure: true, sameSite: 'lax', signed: true } as const
  // A cookie that is bound to a path cannot be __Host-.
  const cookieName = (prefix: '__Host-' | '__Secure-', kind: string) => `${prefix}${names.cookiePrefix}-${names.checkout}-${kind}`

  const setup: Configuration = {
    adapter,
    jwks: { keys },
    clients: [
      {
        client_id: 'edge', client_name: names.brand, token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_uri: config.edge.spiffeId,
        redirect_uris: config.edge.redirectUris, post_logout_redirect_uris: config.edge.postLogoutRedirectUris,
        grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], response_modes: ['query'],
      },
      {
        client_id: 'mobile', client_name: `${names.brand} app`, application_type: 'native', token_endpoint_auth_method: 'none', dpop_bound_access_tokens: true,
        redirect_uris: config.mobile?.redirectUris ?? [`${names.trustDomain.split('.').reverse().join('.')}:/callback`],
        grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], response_modes: ['query'],
      },
    ],
    clientAuthMethods: ['tls_client_auth', 'none'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ES256, dPoPSigningAlgValues: ES256, clientAuthSigningAlgValues: ES256, requestObjectSigningAlgValues: ES256, userinfoSigningAlgValues: ES256, introspectionSigningAlgValues: ES256, authorizationSigningAlgValues: ES256 },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access', 'shop'],
    claims: { openid: ['sub', 'role', 'seller'], profile: ['name', 'preferred_username'], email: ['email'], acr: null, auth_time: null, iss: null, sid: null },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // Whoever signs out here ends what the browser's session gave; an app's own sign-in outlives its browser.
    expiresWithSession: (_ctx, source) => source.clientId !== 'mobile',
    clientBasedCORS: () => false,
    features: {
      claimsParameter: { enabled: false }, clientCredentials: { enabled: false }, deviceFlow: { enabled: false }, devInteractions: { enabled: false },
      introspection: { enabled: false }, registration: { enabled: false }, requestObjects: { enabled: false }, userinfo: { enabled: false },
      revocation: { enabled: true, allowedPolicy: (ctx, client, token) => token.clientId === client.clientId && ctx.oidc.client?.clientId === client.clientId },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true, allowUnregisteredRedirectUris: false },
      dPoP: { enabled: true, nonceSecret: nonceKey, requireNonce: () => true },
      mTLS: {
        enabled: true, tlsClientAuth: true, certificateBoundAccessTokens: false, selfSignedTlsClientAuth: false,
        getCertificate: (ctx) => bearer(ctx)?.certificate,
        certificateAuthorized: (ctx) => bearer(ctx)?.kind === 'workload',
        certificateSubjectMatches: (ctx, property, expected) => {
          const peer = bearer(ctx)
          return property === 'tls_client_auth_san_uri' && peer?.kind === 'workload' && peer.spiffeId === expected
        },
      },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, indicator) => {
          if (indicator !== resource) throw new errors.InvalidTarget()
          return { scope: 'shop', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: Math.min(ACCESS_TOKEN_SECONDS, config.signingKey.overlapSeconds), jwt: { sign: { alg: 'ES256' } } }
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          const asked = ctx.oidc.entities.IdTokenHint?.payload as { sub?: string } | undefined
          ctx.body = pages.logout(form, asked?.sub !== undefined && asked.sub === ctx.oidc.session?.accountId)
        },
        postLogoutSuccessSource: (ctx) => { ctx.body = pages.message('Signed out', 'You are signed out.') },
      },
    },
    ttl: { AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? ACCESS_TOKEN_SECONDS, AuthorizationCode: 60, IdToken: ACCESS_TOKEN_SECONDS, Interaction: 900, Session: SESSION_SECONDS, Grant: SESSION_SECONDS, RefreshToken: SESSION_SECONDS },
    cookies: {
      keys: [cookieKey],
      names: { session: cookieName('__Host-', 'identity'), interaction: cookieName('__Secure-', 'interaction'), resume: cookieName('__Secure-', 'resume') },
      long: { ...cookie, path: '/' },
      short: cookie,
    },
    interactions: { policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: async (_ctx, sub) => {
      const account = await accounts.find(sub)
      return account && { accountId: account.id, claims: () => claimsOf(account) }
    },
    // One grant for a browser's session with a client: reuse of a stolen token ends all that came from this session.
    loadExistingGrant: async (ctx) => {
      const { client, session, provider } = ctx.oidc as Required<typeof ctx.oidc>
      const grantId = session.grantIdFor(client.clientId)
      const known = grantId && (await provider.Grant.find(grantId))
      if (known && known.accountId === session.accountId) return known
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId! })
      grant.addOIDCScope('openid profile email offline_access')
      grant.addResourceScope(resource, 'shop')
      await grant.save()
      return grant
    },
    extraTokenClaims: async (_ctx, token) => {
      const account = 'accountId' in token && token.accountId ? await accounts.find(token.accountId) : undefined
      return account && { role: account.role, ...(account.seller && { seller: account.seller }) }
    },
    renderError: (ctx, out) => {
      ctx.type = 'html'
      ctx.body = pages.message('This did not work', 'The sign-in could not go on. Go back to the shop and try again.', `${out.error}${out.error_description ? `: ${out.error_description}` : ''}`)
    },
  }
  return new Provider(config.issuer, setup)
}

const claimsOf = ({ id, username, name, email, role, seller }: Account) => ({ sub: id, role, ...(seller && { seller }), name, preferred_username: username, email })
