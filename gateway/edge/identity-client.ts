/**
 * The connector to the identity provider (S12.2, S12.3): a confidential client that proves itself with its mesh
 * certificate. It speaks to the configured issuer alone; whatever that announces, other origins are not dialled.
 * @see https://www.rfc-editor.org/rfc/rfc8705#section-2.1
 */
import type { Credentials, WorkloadIdentity } from '@shop/chassis/identity.ts'
import { Unavailable } from '@shop/chassis/problem.ts'
import * as oidc from 'openid-client'
import { Agent, fetch } from 'undici'

const TIMEOUT_SECONDS = 3

export type IdentityClient = {
  /** The provider's metadata and our client; asked for at first use. Throws unavailable. */
  configuration(): Promise<oidc.Configuration>
  close(): Promise<void>
}

export function createIdentityClient({ issuer, roots, identity }: { issuer: string; /** PEM: verifies the provider's door. */ roots: string; identity: WorkloadIdentity }): IdentityClient {
  let held: { credentials: Credentials; agent: Agent } | undefined
  const agent = (): Agent => {
    const credentials = identity.mesh()
    if (held?.credentials !== credentials) {
      void held?.agent.close()
      held = { credentials, agent: new Agent({ allowH2: false, connections: 8, connect: { key: credentials.key, cert: credentials.certificate, ca: roots, minVersion: 'TLSv1.3' } }) }
    }
    return held.agent
  }
  const ask: oidc.CustomFetch = async (url, options) => {
    if (new URL(url).origin !== issuer) throw new Error('the identity provider announces an address elsewhere')
    return await fetch(url, { ...(options as object), dispatcher: agent() }) as unknown as Response
  }
  let found: Promise<oidc.Configuration> | undefined
  return {
    configuration() {
      found ??= oidc.discovery(new URL(issuer), 'edge', { id_token_signed_response_alg: 'ES256' }, oidc.TlsClientAuth(), { [oidc.customFetch]: ask, timeout: TIMEOUT_SECONDS })
        .catch((cause: unknown) => { found = undefined; throw Unavailable({ cause, headers: { 'retry-after': '2' } }) })
      return found
    },
    close: async () => void (await held?.agent.close()),
  }
}
