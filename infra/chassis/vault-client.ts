/**
 * The vault as its clients see it: keys that sign and never leave, values sealed under a key that never leaves (S1.5).
 *
 * One Unix socket per client; its owner and mode say who asks, and the vault shows each client its own keys alone.
 */
import { hash } from 'node:crypto'
import { Pool } from 'undici'
import { gather } from './gather.ts'
import { askJson } from './mesh-json.ts'
import { Unavailable } from './problem.ts'

export type PublicJwk = { kty: 'EC'; crv: 'P-256'; x: string; y: string }

export type VaultClient = {
  /** Makes a P-256 key, or finds the one of that label. `isNew` says which. */
  ensureKey(label: string): Promise<{ label: string; publicKey: PublicJwk; isNew: boolean }>
  listKeys(): Promise<{ label: string; publicKey: PublicJwk }[]>
  deleteKey(label: string): Promise<void>
  /** ES256 over the SHA-256 of `data`: 64 bytes, r and s (IEEE P1363, what JWS wants; RFC 7518 §3.4). */
  sign(label: string, data: Uint8Array | string): Promise<Buffer>
  seal(plaintext: string): Promise<string>
  /** Throws when it was not sealed for this client, or was changed. */
  unseal(sealed: string): Promise<string>
  close(): Promise<void>
}

/** As many signatures as the signer makes in one go: other clients wait that long. */
export const MAX_DIGESTS = 32
const TIMEOUT_MS = 5_000

export function createVaultClient(socketPath: string): VaultClient {
  const client = new Pool('http://vault', { socketPath, connections: 4, pipelining: 1, connectTimeout: 2_000 })
  async function ask<Answer>(method: 'GET' | 'POST' | 'DELETE', path: string, question?: unknown): Promise<Answer> {
    let answer: Awaited<ReturnType<typeof askJson>>
    try {
      answer = await askJson(client, method, path, TIMEOUT_MS, question)
    } catch (cause) {
      throw Unavailable({ detail: 'The signer does not answer', cause })
    }
    if (answer.status >= 400) throw new Error(`the vault refused ${method} ${path}: ${answer.status} ${String((answer.body as { code?: unknown } | undefined)?.code)}`)
    return answer.body as Answer
  }
  const signers = new Map<string, (digest: string) => Promise<string>>()
  function signer(label: string): (digest: string) => Promise<string> {
    let sign = signers.get(label)
    if (!sign) {
      sign = gather(async (digests: string[]) => (await ask<{ signatures: string[] }>('POST', `/keys/${label}/sign`, { digests })).signatures, MAX_DIGESTS)
      signers.set(label, sign)
    }
    return sign
  }
  return {
    ensureKey: (label) => ask('POST', '/keys', { label }),
    listKeys: async () => (await ask<{ keys: { label: string; publicKey: PublicJwk }[] }>('GET', '/keys')).keys,
    async deleteKey(label) {
      signers.delete(label)
      await ask('DELETE', `/keys/${label}`)
    },
    sign: async (label, data) => Buffer.from(await signer(label)(hash('sha256', data, 'base64url')), 'base64url'),
    seal: async (plaintext) => (await ask<{ sealed: string }>('POST', '/seal', { plaintext })).sealed,
    unseal: async (sealed) => (await ask<{ plaintext: string }>('POST', '/unseal', { sealed })).plaintext,
    close: () => client.close(),
  }
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWS in compact form (RFC 7515 §7.1), ES256. The header says `typ` and `kid`; `alg` is ours. */
export async function signJwt(vault: Pick<VaultClient, 'sign'>, label: string, header: { typ: string; kid: string }, payload: Record<string, unknown>): Promise<string> {
  const input = `${part({ ...header, alg: 'ES256' })}.${part(payload)}`
  return `${input}.${(await vault.sign(label, input)).toString('base64url')}`
}
