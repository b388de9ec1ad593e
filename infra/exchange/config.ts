import { databaseSchema } from '@shop/chassis/store.ts'
import { z } from 'zod'

const operation = z.strictObject({
  id: z.string(),
  subjects: z.array(z.enum(['user', 'guest', 'service'])),
  isSingleUse: z.boolean(),
})

export const configSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(1).max(65_535),
  vaultSocket: z.string(),
  database: databaseSchema,
  /** Origin of access, which is asked before every token. */
  access: z.url(),
  /** Origin of the monitor's ingest. */
  monitor: z.url(),
  /** Issuer of users' tokens, exactly as its metadata says it. */
  identityIssuer: z.url(),
  /** PEM; what the issuer's door is verified by. */
  doorRoots: z.string().min(1),
  services: z.record(z.string(), z.strictObject({
    /** Caller workload → operation ids. Absent means no. */
    callers: z.record(z.string(), z.array(z.string())),
    operations: z.array(operation),
  })),
  /** Life of a narrow token. */
  lifetimeSeconds: z.int().min(1).max(60).default(60),
  /** A new signing key comes into use after this; the one before it stays published while its tokens live. */
  keyLifetimeSeconds: z.int().min(2).default(86_400),
})

export type Config = z.infer<typeof configSchema>
