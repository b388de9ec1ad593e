import { serviceConfig } from '@shop/chassis/start-service.ts'
import { z } from 'zod'

export const configSchema = z.strictObject({
  ...serviceConfig,
  /** How long an order may hold stock unpaid; longer than the order's own patience. */
  reservationSeconds: z.int().min(5).max(86_400).default(900),
  /** How often what expired is given back. */
  expiryIntervalMs: z.int().min(100).max(60_000).default(2_000),
})

export type Config = z.infer<typeof configSchema>
