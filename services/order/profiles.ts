/** A customer's name and addresses, kept for the next order. */
import type { Tx } from '@shop/chassis/store.ts'

export type Address = { recipient: string; line1: string; line2?: string; postalCode: string; city: string; country: string }
/** Version 0: nothing kept yet. */
export type Profile = { name: string; addresses: Address[]; version: number }

export async function profileOf(tx: Tx, subject: string): Promise<Profile> {
  const { rows } = await tx.query<Profile>('select name, addresses, version from profiles where subject = $1', [subject])
  return rows[0] ?? { name: '', addresses: [], version: 0 }
}

/** Null when the profile is no longer the version that was read. */
export async function saveProfile(tx: Tx, subject: string, { name, addresses, version }: Profile): Promise<Profile | null> {
  const { rows } = version === 0
    ? await tx.query<Profile>('insert into profiles (subject, name, addresses) values ($1, $2, $3) on conflict do nothing returning name, addresses, version', [subject, name, JSON.stringify(addresses)])
    : await tx.query<Profile>('update profiles set name = $2, addresses = $3, version = version + 1 where subject = $1 and version = $4 returning name, addresses, version', [subject, name, JSON.stringify(addresses), version])
  return rows[0] ?? null
}
