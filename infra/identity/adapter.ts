/**
 * oidc-provider's storage on PostgreSQL, with single use that is atomic.
 *
 * The library reads a code or token, then consumes it: two at once would both pass. Here consuming is one conditional
 * UPDATE; whoever comes second burns the whole grant (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
 */
import { createHash } from 'node:crypto'
import type { Logger } from '@shop/chassis/log.ts'
import type { Store } from '@shop/chassis/store.ts'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { errors } from './provider-library.ts'
import { seal, unseal } from './seal.ts'

const hash = (id: string) => createHash('sha256').update(id).digest('base64url')

export const createAdapter = (store: Store, key: Buffer) => (model: string): Adapter => {
  const place = (id: string) => `${model}:${id}`
  const read = (row: { id: string; payload: Buffer; consumed: number | null } | undefined): AdapterPayload | undefined =>
    row && { ...(JSON.parse(unseal(key, place(row.id), row.payload)) as AdapterPayload), ...(row.consumed !== null && { consumed: row.consumed }) }
  const columns = 'id, payload, extract(epoch from consumed_at)::int as consumed'

  return {
    async upsert(rawId, payload, expiresIn) {
      const id = hash(rawId)
      // A proof seen before must not pass because two came at once (RFC 9449 §11.1).
      const onConflict = model === 'ReplayDetection' ? 'do nothing'
        : 'do update set payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid, expires_at = excluded.expires_at'
      const { rowCount } = await store.query(
        `insert into oidc_record (model, id, payload, grant_id, uid, expires_at) values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
         on conflict (model, id) ${onConflict}`,
        [model, id, seal(key, place(id), JSON.stringify(payload)), payload.grantId ?? null, payload.uid ?? null, expiresIn || null])
      if (rowCount === 0) throw new errors.InvalidGrant('DPoP proof JWT Replay detected')
    },
    find: async (rawId) => read((await store.query(`select ${columns} from oidc_record where model = $1 and id = $2`, [model, hash(rawId)])).rows[0]),
    findByUid: async (uid) => read((await store.query(`select ${columns} from oidc_record where model = $1 and uid = $2`, [model, uid])).rows[0]),
    findByUserCode: async () => undefined, // no device flow
    async consume(rawId) {
      const id = hash(rawId)
      const { rowCount } = await store.query('update oidc_record set consumed_at = now() where model = $1 and id = $2 and consumed_at is null', [model, id])
      if (rowCount === 1) return
      const grantId = (await store.query('select grant_id from oidc_record where model = $1 and id = $2', [model, id])).rows[0]?.grant_id as string | undefined
      // The grant itself goes too: a token that the winner is about to save is then worth nothing.
      if (grantId) await store.query(`delete from oidc_record where grant_id = $1 or (model = 'Grant' and id = $2)`, [grantId, hash(grantId)])
      throw new errors.InvalidGrant(`${model} already used`)
    },
    async destroy(rawId) {
      await store.query('delete from oidc_record where model = $1 and id = $2', [model, hash(rawId)])
    },
    async revokeByGrantId(grantId) {
      await store.query('delete from oidc_record where model = $1 and grant_id = $2', [model, grantId])
    },
  }
}

/** Deletes what ran out. Throttle buckets that had a day to drain are empty. */
export async function sweep(store: Store, log: Logger): Promise<void> {
  try {
    await store.query(`delete from oidc_record where expires_at < now() - interval '1 hour'`)
    await store.query(`delete from login_throttle where at < now() - interval '1 day'`)
  } catch (error) {
    log.warn({ err: error }, 'could not sweep expired records')
  }
}
