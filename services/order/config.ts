import { serviceConfig } from '@shop/chassis/start-service.ts'
import { z } from 'zod'

export const configSchema = z.strictObject({
  ...serviceConfig,
  /** How long one step of an order may take before another worker repeats it; longer than billing's 10 s. */
  leaseMs: z.int().min(11_000).max(60_000).default(15_000),
  /** How often due orders are looked for besides being told. */
  pollMs: z.int().min(50).max(10_000).default(500),
  /** How long a standard order waits for shipping's event before it asks. */
  shipmentWaitMs: z.int().min(100).max(600_000).default(12_000),
  /** When an order that does not get paid is undone; before catalog gives its stock back (900 s). */
  giveUpMs: z.int().min(1_000).max(3_600_000).default(600_000),
})

export type Config = z.infer<typeof configSchema>
