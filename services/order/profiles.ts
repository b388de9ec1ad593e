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
  const text = version === 0
    ? `insert into profiles (subject, name, addresses) select $1, $2, $3 where $4 = 0 on conflict do nothing`
    : `update profiles set name = $2, addresses = $3, version = version + 1 where subject = $1 and version = $4`
  const { rows } = await tx.query<Profile>(`${text} returning name, addresses, version`, [subject, name, JSON.stringify(addresses), version])
  return rows[0] ?? null
}
