/** Who can sign in to the demonstration, and which partners call it. */
export type Account = { username: string; role: 'customer' | 'seller' | 'staff'; seller?: string; name: string; email: string }
export type Partner = { clientId: string; plan: string; scopes: string[] }

const PEOPLE: Omit<Account, 'email'>[] = [
  { username: 'alice', role: 'customer', name: 'Alice Moreau' },
  { username: 'bob', role: 'customer', name: 'Bob Lindqvist' },
  { username: 'carol', role: 'customer', name: 'Carol Okafor' },
  { username: 'hanok', role: 'seller', seller: 'hanok', name: 'Hana Seo' },
  { username: 'lumen', role: 'seller', seller: 'lumen', name: 'Ines Duarte' },
  { username: 'nordwald', role: 'seller', seller: 'nordwald', name: 'Jonas Brandt' },
  { username: 'kopi', role: 'seller', seller: 'kopi', name: 'Putri Wijaya' },
  { username: 'atelier', role: 'seller', seller: 'atelier', name: 'Camille Roux' },
  { username: 'sora', role: 'staff', name: 'Sora Han' },
]

export const demoAccounts = (trustDomain: string): Account[] => PEOPLE.map((person) => ({ ...person, email: `${person.username}@${trustDomain}` }))
/** Sellers and staff prove themselves by a certificate besides their password. */
export const hasCertificate = (account: Account) => account.role !== 'customer'

export const PARTNERS: Partner[] = [
  { clientId: 'acme', plan: 'standard', scopes: ['catalog:read', 'orders:write'] },
  { clientId: 'globex', plan: 'free', scopes: ['catalog:read'] },
]
