/**
 * The vault as its clients see it: keys that sign and never leave, values sealed under a key that never leaves (S1.5).
 *
 * One Unix socket per client; its owner and mode say who asks, and the vault shows each client its own keys alone.
 */
import { createHash } from 'node:crypto'
import { Pool } from 'undici'
import { Unavailable } from './problem.ts'

export type PublicJwk = { kty: 'EC'; crv: 'P-256'; x: string; y: string }

export type VaultClient = {
  /** Makes a P-256 key, or finds the one of that label. `isNew` says which. */
  ensureKey(label: string): Promise<{ label: string; publicKey: PublicJwk; isNew: boolean }>
  listKeys(): Promise<{ label: string; publicKey: PublicJwk }[]>
  deleteKey(label: string): Promise<void>
  /** ES256 over the SHA-256 of `data`: 64 bytes, r and s (IEEE P1363, what JWS wants; RFC 7518 §3.4). */
  sign(label: string, data: Uint8Array): Promise<Buffer>
  seal(plaintext: string): Promise<string>
  /** Throws when it was not sealed for this client, or was changed. */
  unseal(sealed: string): Promise<string>
  close(): Promise<void>
}

export function createVaultClient(socketPath: string): VaultClient {
  const client = new Pool('http://vault', { socketPath, connections: 4, pipelining: 1, connectTimeout: 2_000, headersTimeout: 5_000, bodyTimeout: 5_000, maxResponseSize: 262_144 })
  async function ask<Answer>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
    let response: Awaited<ReturnType<typeof client.request>>
    try {
      response = await client.request({ method, path, ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) })
    } catch (cause) {
      throw Unavailable({ detail: 'The signer does not answer', cause })
    }
    const answer = response.statusCode === 204 ? await response.body.dump() : await response.body.json()
    if (response.statusCode >= 400) throw new Error(`the vault refused ${method} ${path}: ${response.statusCode} ${String((answer as { code?: unknown } | undefined)?.code)}`)
    return answer as Answer
  }
  return {
    ensureKey: (label) => ask('POST', '/keys', { label }),
    listKeys: async () => (await ask<{ keys: { label: string; publicKey: PublicJwk }[] }>('GET', '/keys')).keys,
    deleteKey: (label) => ask('DELETE', `/keys/${label}`),
    async sign(label, data) {
      const digest = createHash('sha256').update(data).digest('base64url')
      const { signature } = await ask<{ signature: string }>('POST', `/keys/${label}/sign`, { digest })
      return Buffer.from(signature, 'base64url')
    },
    seal: async (plaintext) => (await ask<{ sealed: string }>('POST', '/seal', { plaintext })).sealed,
    unseal: async (sealed) => (await ask<{ plaintext: string }>('POST', '/unseal', { sealed })).plaintext,
    close: () => client.close(),
  }
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWS in compact form (RFC 7515 §7.1), ES256. The header says `typ` and `kid`; `alg` is ours. */
export async function signJwt(vault: Pick<VaultClient, 'sign'>, label: string, header: { typ: string; kid: string }, payload: Record<string, unknown>): Promise<string> {
  const input = `${part({ ...header, alg: 'ES256' })}.${part(payload)}`
  return `${input}.${(await vault.sign(label, Buffer.from(input))).toString('base64url')}`
}
