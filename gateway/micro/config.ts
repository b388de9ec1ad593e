/** What a micro-gateway must be told; checked whole before anything listens. */
import { z } from 'zod'
import { meshPolicySchema } from '@shop/chassis/mesh-policy.ts'

// Room for '.<pid>' within the 103 bytes that every system takes.
const socketPath = z.string().regex(/^\/.{1,94}$/, 'must be an absolute path of at most 95 characters')

export const configSchema = z.strictObject({
  host: z.ipv4().default('127.0.0.1'),
  port: z.int().min(1).max(65_535),
  /** The service's own socket: where calls go that passed. */
  appSocket: socketPath,
  /** Ours, for the service's outgoing calls. */
  outboundSocket: socketPath,
  /** The service's resolver, on the loopback interface, UDP and TCP; its names end in the trust domain. */
  dns: z.strictObject({ port: z.int().min(1).max(65_535) }).optional(),
  policy: meshPolicySchema,
  exchange: z.url(),
  exchangeIssuer: z.url(),
  monitor: z.url(),
  registry: z.url(),
  /** PEM: verifies parties outside the mesh that policy lets the service call. */
  doorRoots: z.string().optional(),
}).refine(({ policy, doorRoots }) => doorRoots !== undefined || Object.values(policy.outbound).every(({ kind }) => kind !== 'external'),
  { path: ['doorRoots'], message: 'is needed: policy names a callee outside the mesh' })
  .refine(({ policy }) => policy.inbound.api !== null, { path: ['policy', 'inbound', 'api'], message: 'a micro-gateway stands before an API' })

export type Config = z.infer<typeof configSchema>
export const secretsSchema = z.strictObject({ /** Reads the names in the registry that policy lets us call. */ consulToken: z.string().min(1) })
