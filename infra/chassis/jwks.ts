/**
 * Another issuer's public keys: fetched once, kept as KeyObjects, asked again when an unknown `kid` appears (a
 * rotation), but never more often than once in `minIntervalMs`: unknown kids cost an attacker nothing (S1.2).
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { Unavailable } from './problem.ts'

export type Jwks = {
  /** At once when the key is known. Undefined: the issuer has no such key. Rejects with unavailable when the issuer could not be asked. */
  key(kid: string): KeyObject | Promise<KeyObject | undefined>
}

const MAX_KEYS = 16

export function createJwks(fetchKeys: () => Promise<unknown>, { minIntervalMs = 1_000, maxAgeMs = 300_000, now = Date.now } = {}): Jwks {
  let keys = new Map<string, KeyObject>()
  let askedAt = -Infinity
  let isAnswered = false
  let asking: Promise<void> | null = null
  const refresh = () => (asking ??= ask().finally(() => { asking = null }))
  async function ask(): Promise<void> {
    askedAt = now()
    isAnswered = false
    keys = readKeys(await fetchKeys())
    isAnswered = true
  }
  return {
    key(kid) {
      const known = keys.get(kid)
      if (known) {
        if (now() - askedAt > maxAgeMs) void refresh().catch(() => {}) // keep the last good copy; a withdrawn key leaves with the next answer
        return known
      }
      return find(kid)
    },
  }
  async function find(kid: string): Promise<KeyObject | undefined> {
    try {
      if (asking || now() - askedAt >= minIntervalMs) await refresh()
    } catch (cause) {
      throw Unavailable({ detail: 'The keys of the token\'s issuer cannot be fetched', cause })
    }
    const key = keys.get(kid)
    if (!key && !isAnswered) throw Unavailable({ detail: 'The keys of the token\'s issuer cannot be fetched' })
    return key
  }
}

/** P-256 signing keys of a JWK Set; others are passed over, an odd document throws. */
function readKeys(document: unknown): Map<string, KeyObject> {
  const list = (document as { keys?: unknown } | null)?.keys
  if (!Array.isArray(list) || list.length > MAX_KEYS) throw new Error('not a JWK Set')
  const usable = (list as Record<string, unknown>[]).filter((k) => k?.['kty'] === 'EC' && k['crv'] === 'P-256' && typeof k['kid'] === 'string' && (k['use'] ?? 'sig') === 'sig' && (k['alg'] ?? 'ES256') === 'ES256')
  return new Map(usable.map(({ kty, crv, x, y, kid }) => [kid as string, createPublicKey({ key: { kty, crv, x, y } as import('node:crypto').webcrypto.JsonWebKey, format: 'jwk' })]))
}
