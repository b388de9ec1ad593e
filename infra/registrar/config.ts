import { z } from 'zod'

export const configSchema = z.strictObject({
  /** Unix socket of whoever deploys: what instances there are. */
  inventorySocket: z.string().startsWith('/'),
  /** HTTPS of every Consul server. */
  consul: z.array(z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) })).min(1),
  /** PEM: Consul's own authority, and our client certificate under it; its key is the secret consulKey. */
  consulTls: z.strictObject({ ca: z.string().min(1), certificate: z.string().min(1) }),
  /** Between two checks of an instance. */
  intervalMs: z.int().min(50),
  /** So many good checks in a row to enter the registry, so many bad ones to leave it. */
  goodChecks: z.int().min(1),
  badChecks: z.int().min(1),
  monitor: z.url(),
})

export type Config = z.infer<typeof configSchema>
export const secretsSchema = z.strictObject({ consulKey: z.string().min(1), /** May write nodes and services of the shop. */ consulToken: z.string().min(1) })
