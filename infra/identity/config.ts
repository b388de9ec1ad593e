/** What the runner tells identity; shapes as in the launch document. */
import { databaseSchema } from '@shop/chassis/store.ts'
import { z } from 'zod'

const origins = z.array(z.url()).min(1)

const account = z.strictObject({
  username: z.string().regex(/^[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]$/),
  role: z.enum(['customer', 'seller', 'staff']),
  /** The seller's id; sellers alone have one. */
  seller: z.string().max(64).optional(),
  name: z.string().min(1).max(100),
  email: z.email().max(254),
}).refine((a) => (a.role === 'seller') === (a.seller !== undefined), { error: 'a seller names its seller id, others have none', path: ['seller'] })

export const configSchema = z.strictObject({
  port: z.int().min(1).max(65_535),
  /** 'https://localhost:PORT': the issuer identifier, byte for byte what clients are configured with. */
  issuer: z.url({ protocol: /^https$/ }),
  /** The door's chain, PEM. */
  certificate: z.string(),
  vaultSocket: z.string(),
  database: databaseSchema,
  edge: z.strictObject({ redirectUris: origins, postLogoutRedirectUris: origins, spiffeId: z.string().startsWith('spiffe://') }),
  /** Native client; its default redirect is a private-use scheme of the trust domain (RFC 8252 §7.1). */
  mobile: z.strictObject({ redirectUris: z.array(z.string()).min(1) }).optional(),
  /** Issues the client certificates of staff and sellers, PEM. */
  userRoots: z.string(),
  /** Made, or brought to this state, at each start; passwords are the secrets 'password:<username>'. */
  accounts: z.array(account).default([]),
  monitor: z.url().optional(),
  /** How old the signing key may grow, and how long it is published before and after it signs. Seconds. */
  signingKey: z.strictObject({ lifetimeSeconds: z.int().min(1), overlapSeconds: z.int().min(1) }).default({ lifetimeSeconds: 30 * 86_400, overlapSeconds: 900 }),
})

export type Config = z.infer<typeof configSchema>
export type AccountConfig = z.infer<typeof account>
