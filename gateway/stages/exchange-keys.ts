/**
 * The exchange's public keys, fetched from the exchange alone: nothing in a token says where a key is (S1.2).
 * An unknown key id asks again at most once a second, so that a rotation is seen at once and a flood is not passed on.
 */
import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { Unavailable } from '@shop/chassis/problem.ts'
import type { KeySource } from './token-verifier.ts'

const AGAIN_MS = 1_000
/** A removed key is forgotten this late at most. */
const FRESH_MS = 10_000

/** `fetchKeys` answers a JWK set (RFC 7517 §5). Throws unavailable while no set was ever fetched. */
export function exchangeKeys(fetchKeys: (deadline: number) => Promise<unknown>, now: () => number): KeySource {
  let keys: Map<string, KeyObject> | null = null
  let fetchedAt = -Infinity
  let triedAt = -Infinity
  let fetching: Promise<void> | null = null
  const refresh = (deadline: number) => {
    triedAt = now()
    fetching ??= fetchKeys(deadline).then((set) => {
      keys = readKeys(set)
      fetchedAt = now()
    }).finally(() => { fetching = null })
    return fetching
  }
  return {
    has: (kid) => {
      if (now() - fetchedAt > FRESH_MS && now() - triedAt > AGAIN_MS) refresh(now() + 2_000).catch(() => {})
      return keys?.has(kid) ?? false
    },
    async get(kid, deadline) {
      if (!keys?.has(kid) && (fetching || now() - triedAt > AGAIN_MS || !keys))
        await refresh(deadline).catch((cause) => {
          if (!keys) throw Unavailable({ detail: 'Tokens cannot be verified right now', cause })
        })
      return keys?.get(kid)
    },
  }
}

function readKeys(set: unknown): Map<string, KeyObject> {
  const found = (set as { keys?: (webcrypto.JsonWebKey & { kid?: string; alg?: string })[] }).keys
  if (!Array.isArray(found)) throw new Error('no JWK set')
  return new Map(found.filter((k) => k.kty === 'EC' && k.crv === 'P-256' && typeof k.kid === 'string' && (k.alg ?? 'ES256') === 'ES256')
    .map(({ kid, kty, crv, x, y }) => [kid!, createPublicKey({ key: { kty, crv, x, y } as webcrypto.JsonWebKey, format: 'jwk' })]))
}
