import { databaseSchema } from '@shop/chassis/store.ts'
import { z } from 'zod'

const port = z.int().min(1).max(65_535)

export const configSchema = z.strictObject({
  /** What ingest and door listen on. */
  host: z.string().default('127.0.0.1'),
  /** Ingest, mutual TLS. */
  port,
  /** What people and tools read, HTTPS. */
  doorPort: port,
  /** PEM chain of the door. */
  certificate: z.string().min(1),
  database: databaseSchema,
  /** Where whoever runs the stores reports what these refused, in their names and no others. */
  stores: z.strictObject({ socket: z.string(), workloads: z.array(z.string()) }).optional(),
})

export type Config = z.infer<typeof configSchema>
export const secretsSchema = z.looseObject({ doorKey: z.string().min(1), testerToken: z.string().min(32) })
