import { z } from 'zod'

const seconds = z.int().min(2).max(10 * 365 * 86_400)

export const configSchema = z.strictObject({
  /** Where the enrolment door listens. */
  host: z.string().default('127.0.0.1'),
  port: z.int().min(1).max(65_535),
  /** Certificates of the authorities; no key is ever here. A missing one means a new authority. */
  stateDir: z.string().startsWith('/'),
  /** The doors' authority alone: people told their browsers to trust it, so it outlives a reset. Absent: in stateDir. */
  doorsDir: z.string().startsWith('/').optional(),
  /** Host names, beside localhost and the loopback addresses, that the doors' authority may certify. */
  doorNames: z.array(z.hostname()).default([]),
  vaultSocket: z.string().startsWith('/'),
  /** Only the supervisor may open it. */
  adminSocket: z.string().startsWith('/'),
  /** Ingest of the monitor, which starts later; absent: refusals are told to the log alone. */
  monitor: z.url().optional(),
  lifetimeSeconds: z.strictObject({ mesh: seconds.default(3_600), data: seconds.default(604_800), backing: seconds.default(604_800) }),
})

export type Config = z.infer<typeof configSchema>
