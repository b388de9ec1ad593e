/** Which single-use tokens were used. PostgreSQL decides who was first, however many ask at once (S1.1). */
import type { Tx } from '@shop/chassis/store.ts'

/** True for the first, and only the first. `exp` in seconds since the epoch. */
export async function redeem(tx: Tx, jti: string, exp: number): Promise<boolean> {
  const { rowCount } = await tx.query('insert into redeemed (jti, expires_at) values ($1, to_timestamp($2)) on conflict do nothing', [jti, exp])
  return rowCount === 1
}

/** Forgets tokens that expired a minute ago: nobody accepts them any more, whatever their clock. */
export async function forgetExpired(tx: Tx): Promise<void> {
  await tx.query('delete from redeemed where expires_at < now() - interval \'1 minute\'')
}
