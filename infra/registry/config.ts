import { z } from 'zod'

export const configSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(1).max(65_535),
  /** HTTPS of every Consul server. */
  consul: z.array(z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) })).min(1),
  /** PEM: Consul's own authority, and our client certificate under it; its key is the secret consulKey. */
  consulTls: z.strictObject({ ca: z.string().min(1), certificate: z.string().min(1) }),
  /** Workload → services it may look up: those it may call. */
  readers: z.record(z.string(), z.array(z.string())),
  monitor: z.url(),
  /** For each workload, all its instances together. */
  limits: z.strictObject({ perSecond: z.number().positive(), burst: z.int().positive(), waiting: z.int().positive() }).default({ perSecond: 50, burst: 200, waiting: 64 }),
})

export type Config = z.infer<typeof configSchema>
export const secretsSchema = z.strictObject({ consulKey: z.string().min(1) })
