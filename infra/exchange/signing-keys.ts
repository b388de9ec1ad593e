/** The issuer's keys: they live in the vault and sign there; here are their names, ages and public halves. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import type { Jwks } from '@shop/chassis/jwks.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { NARROW_TYP, type NarrowClaims } from '@shop/chassis/narrow-claims.ts'
import { signJwt, type PublicJwk, type VaultClient } from '@shop/chassis/vault-client.ts'
import { dateOf, labelOf, planKeys, SETTLE_MS, type KeyLives } from './key-plan.ts'

type Known = { label: string; createdAtMs: number; kid: string; jwk: PublicJwk; key: KeyObject }
export type SigningKeys = {
  sign(claims: NarrowClaims): Promise<string>
  /** JWK Set, RFC 7517. */
  published(): { keys: (PublicJwk & { kid: string; use: 'sig'; alg: 'ES256' })[] }
  verifying: Jwks
  stop(): void
}

/** Resolves when there is a key to sign with. Looks again while it runs: makes the next key when due, removes what is over. */
export async function openSigningKeys(vault: VaultClient, lives: KeyLives, log: Logger, now: () => number): Promise<SigningKeys> {
  let known: Known[] = []
  const byKid = new Map<string, KeyObject>()
  let timer: NodeJS.Timeout | undefined
  await tick()
  wait()

  async function tick(): Promise<void> {
    known = await list()
    const { isDue, remove } = planKeys(known, now(), lives)
    for (const label of remove) await vault.deleteKey(label)
    if (isDue) await vault.ensureKey(labelOf(now()))
    if (isDue || remove.length) {
      known = await list()
      log.info({ kids: known.map((k) => k.kid) }, 'signing keys changed')
    }
    byKid.clear()
    for (const { kid, key } of known) byKid.set(kid, key)
  }
  async function list(): Promise<Known[]> {
    const keys = await vault.listKeys()
    return keys.flatMap(({ label, publicKey }) => {
      const createdAtMs = dateOf(label)
      return createdAtMs === null ? [] : [known.find((k) => k.label === label) ?? { label, createdAtMs, kid: thumbprintOf(publicKey), jwk: publicKey, key: createPublicKey({ key: publicKey, format: 'jwk' }) }]
    })
  }
  function wait(): void {
    timer = setTimeout(() => tick().catch((error: unknown) => log.warn({ err: error }, 'signing keys not looked after')).finally(wait), Math.min(60_000, Math.max(SETTLE_MS / 4, lives.keyLifetimeMs / 8))).unref()
  }
  return {
    async sign(claims) {
      const { signWith } = planKeys(known, now(), lives)
      const signing = known.find((k) => k.label === signWith)!
      return signJwt(vault, signing.label, { typ: NARROW_TYP, kid: signing.kid }, claims)
    },
    published() {
      const { publish } = planKeys(known, now(), lives)
      return { keys: known.filter((k) => publish.includes(k.label)).map(({ jwk: { kty, crv, x, y }, kid }) => ({ kty, crv, x, y, kid, use: 'sig', alg: 'ES256' })) }
    },
    verifying: { key: (kid) => byKid.get(kid) ?? Promise.resolve(undefined) },
    stop: () => clearTimeout(timer),
  }
}

/** RFC 7638 §3. */
const thumbprintOf = ({ crv, kty, x, y }: PublicJwk) => createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
