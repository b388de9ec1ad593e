/**
 * The keys that sign user tokens: in the vault, replaced by age, each published before it signs and after (S1.5).
 *
 * A verifier that fetched the key set a moment ago already knows the key that signs next; tokens signed by the last
 * key stay good until they run out.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Logger } from '@shop/chassis/log.ts'
import type { Store } from '@shop/chassis/store.ts'
import type { VaultClient } from '@shop/chassis/vault-client.ts'
import { calculateJwkThumbprint } from 'jose'
import type { ExternalSigningKey as SigningKey } from 'oidc-provider'
import { ExternalSigningKey } from './provider-library.ts'

export type Generation = { generation: number; label: string; createdAt: number }
export type Lifetimes = { lifetimeSeconds: number; overlapSeconds: number }
export type KeyPlan = { isNewDue: boolean; /** The one that signs first. */ published: Generation[]; retired: Generation[] }

/** Pure. `keys` newest first; times in milliseconds. A key signs once it was published for the overlap, the very first at once. */
export function planKeys(keys: Generation[], now: number, { lifetimeSeconds, overlapSeconds }: Lifetimes): KeyPlan {
  const overlap = overlapSeconds * 1000
  const ripe = keys.findIndex((key) => key.createdAt + overlap <= now)
  const at = ripe >= 0 ? ripe : keys.length - 1
  const signer = keys[at]
  if (!signer) return { isNewDue: true, published: [], retired: [] }
  const upcoming = keys.slice(0, at)
  // A key stopped signing when its successor began to, one overlap after that one was made.
  const older = keys.slice(at + 1)
  const isKept = (i: number) => (i === 0 ? signer : older[i - 1]!).createdAt + 2 * overlap > now
  return {
    isNewDue: upcoming.length === 0 && keys[0]!.createdAt + lifetimeSeconds * 1000 <= now,
    published: [signer, ...upcoming, ...older.filter((_, i) => isKept(i))],
    retired: older.filter((_, i) => !isKept(i)),
  }
}

export type PublishedKey = { kid: string; label: string; publicKey: KeyObject }

class VaultSigningKey extends ExternalSigningKey {
  readonly key: PublishedKey
  readonly vault: VaultClient
  constructor(key: PublishedKey, vault: VaultClient) {
    super()
    this.key = key
    this.vault = vault
  }
  override get kid() { return this.key.kid }
  override get alg() { return 'ES256' }
  override keyObject() { return this.key.publicKey }
  override sign(data: Uint8Array) { return this.vault.sign(this.key.label, data) }
}

/** Brings keys to the plan of this moment and returns what to publish, the signer first. May be repeated at any time. */
export async function ensureKeys(store: Store, vault: VaultClient, lifetimes: Lifetimes, now: () => number): Promise<SigningKey[]> {
  const read = async () => (await store.query(`select generation, label, extract(epoch from created_at) * 1000 as created_ms from signing_key order by generation desc`)).rows
    .map((row): Generation => ({ generation: row.generation, label: row.label, createdAt: Number(row.created_ms) }))
  let keys = await read()
  if (planKeys(keys, now(), lifetimes).isNewDue) {
    const generation = (keys[0]?.generation ?? 0) + 1
    await vault.ensureKey(`user-token-${generation}`)
    await store.query('insert into signing_key (generation, label, created_at) values ($1, $2, to_timestamp($3)) on conflict do nothing', [generation, `user-token-${generation}`, now() / 1000])
    keys = await read()
  }
  const plan = planKeys(keys, now(), lifetimes)
  for (const { generation, label } of plan.retired) {
    await vault.deleteKey(label)
    await store.query('delete from signing_key where generation = $1', [generation])
  }
  return Promise.all(plan.published.map(async ({ label }) => {
    const { publicKey } = await vault.ensureKey(label)
    return new VaultSigningKey({ label, kid: await calculateJwkThumbprint(publicKey), publicKey: createPublicKey({ key: publicKey, format: 'jwk' }) }, vault)
  }))
}

/** Looks again at a tenth of the overlap; `onChange` gets the keys whenever their set or order changed. */
export function keepKeysFresh(ensure: () => Promise<SigningKey[]>, first: SigningKey[], { overlapSeconds }: Lifetimes, onChange: (keys: SigningKey[]) => void, log: Logger): () => void {
  const names = (keys: SigningKey[]) => keys.map((key) => key.kid).join()
  let known = names(first)
  let isRunning = false
  const timer = setInterval(() => {
    if (isRunning) return
    isRunning = true
    ensure().then((keys) => {
      if (names(keys) === known) return
      known = names(keys)
      log.info({ kids: known }, 'signing keys changed')
      onChange(keys)
    }).catch((error: unknown) => log.warn({ err: error }, 'could not look after the signing keys')).finally(() => { isRunning = false })
  }, Math.max(200, overlapSeconds * 100)).unref()
  return () => clearInterval(timer)
}
