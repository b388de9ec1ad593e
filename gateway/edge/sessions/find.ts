/** Looks for sessions by the hash of their handle; those of one turn of the event loop in one statement (S12.1). */
import { gather } from '@shop/chassis/gather.ts'
import type { Tx } from '@shop/chassis/store.ts'

/** `idle`: seconds until the idle end. */
export type Row = { hash: Buffer; sealed: Buffer; ends_at: Date; idle: number }

/**
 * How many a statement looks for; one is repeated where there are fewer. PostgreSQL plans each of these statements once.
 * One with an array it would plan every time, for the length of that array, which costs as much as looking.
 */
const SIZES = [1, 2, 4, 8, 16]
const STATEMENTS = new Map(SIZES.map((size) => [size, `select hash, sealed, ends_at, extract(epoch from expires_at - now())::float8 as idle
  from sessions where hash in (${Array.from({ length: size }, (_, i) => `$${i + 1}`).join(', ')}) and expires_at > now() and ends_at > now()`]))

/** Undefined: there is no such session, or it has ended. */
export const createFind = (store: Tx): ((hash: Buffer) => Promise<Row | undefined>) => gather(async (hashes: Buffer[]) => {
  const size = SIZES.find((one) => one >= hashes.length)!
  const { rows } = await store.query<Row>(STATEMENTS.get(size)!, Array.from({ length: size }, (_, i) => hashes[i] ?? hashes[0]))
  return hashes.map((hash) => rows.find((row) => row.hash.equals(hash)))
}, SIZES.at(-1)!)
