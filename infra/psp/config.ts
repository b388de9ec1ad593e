/** What the runner tells the payment provider's sandbox. */
import { databaseSchema } from '@shop/chassis/store.ts'
import { z } from 'zod'

export const configSchema = z.strictObject({
  port: z.int().min(1).max(65_535),
  /** The door's chain, PEM. */
  certificate: z.string(),
  database: databaseSchema,
  /** The merchant's receiver, and the roots that verify it, PEM. */
  webhookUrl: z.url({ protocol: /^https$/ }),
  webhookRoots: z.string(),
  /** Origins that may show the field page, and are told the token. */
  frameAncestors: z.array(z.url({ protocol: /^https$/ }).refine((u) => new URL(u).origin === u, { error: 'an origin, without a path' })).min(1),
  /** How long a bank takes: a bank-account payment settles this long after its capture. */
  settlementSeconds: z.number().min(0).default(5),
  /** How long the slow test instruments keep their answer back. */
  slowAnswerSeconds: z.number().min(0).default(30),
})

export type Config = z.infer<typeof configSchema>
