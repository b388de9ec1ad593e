/** The identity provider's keys, found by discovery: any OpenID provider will do (design decision 7). */
import { createJwks, type Jwks } from '@shop/chassis/jwks.ts'
import { fetchJson } from '@shop/chassis/mesh-json.ts'
import { Pool } from 'undici'

/**
 * `roots`: PEM, what the issuer's TLS door is verified by.
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-3.3 issuer must be equal
 */
export function createIdentityKeys(issuer: string, roots: string): Jwks & { close(): Promise<void> } {
  const { origin, pathname } = new URL(issuer)
  const pool = new Pool(origin, { connect: { ca: roots, timeout: 2_000 }, connections: 1, allowH2: false })
  const { key } = createJwks(async () => {
    const metadata = (await fetchJson(pool, `${pathname.replace(/\/$/, '')}/.well-known/openid-configuration`, 2_000)) as { issuer?: unknown; jwks_uri?: unknown }
    if (metadata.issuer !== issuer) throw new Error('the metadata is another issuer\'s')
    const keys = new URL(String(metadata.jwks_uri))
    if (keys.origin !== origin) throw new Error('jwks_uri is not at the issuer')
    return fetchJson(pool, `${keys.pathname}${keys.search}`, 2_000)
  })
  return { key, close: () => pool.close() }
}
