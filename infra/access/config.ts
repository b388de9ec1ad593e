import { z } from 'zod'

export const configSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(1).max(65_535),
  /** Origin of exchange: its keys verify the narrow tokens that services pass with a live question. */
  exchange: z.url(),
  /** Origin of the monitor's ingest. */
  monitor: z.url(),
  /** One entry a service, gathered by the model from its openapi.yaml and policy.cedar. */
  policies: z.array(z.strictObject({
    service: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
    operations: z.array(z.strictObject({ id: z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,63}$/), subjects: z.array(z.enum(['user', 'guest', 'service'])).min(1) })).min(1),
    cedar: z.string().max(100_000),
  })),
})

export type Config = z.infer<typeof configSchema>
export type ServicePolicy = Config['policies'][number]
