/** What the edge must be told; checked whole before anything listens. */
import { z } from 'zod'
import { meshPolicySchema } from '@shop/chassis/mesh-policy.ts'
import { databaseSchema } from '@shop/chassis/store.ts'

const door = z.strictObject({
  port: z.int().min(1).max(65_535),
  /** Without a path: links, redirects and cross-site checks are built from it, never from a request (S12.2). */
  origin: z.url().refine((u) => new URL(u).origin === u && u.startsWith('https:'), 'must be an https origin without a path'),
  /** PEM, leaf first. Its key is a secret: webKey, mobileKey, partnerKey. */
  certificate: z.string(),
})

export const configSchema = z.strictObject({
  /** Addresses to listen on: loopback unless said otherwise. */
  host: z.string().default('127.0.0.1'),
  doors: z.strictObject({
    web: door,
    mobile: door,
    partner: door.extend({
      /** PEM: the authority that issues client certificates to partners. */
      clientRoots: z.string(),
      /** Common name of the certificate → SHA-256 of its API key, base64url. */
      clients: z.record(z.string(), z.strictObject({ apiKeyHash: z.string().length(43) })).default({}),
    }),
  }),
  database: databaseSchema,
  policy: meshPolicySchema,
  exchange: z.url(),
  monitor: z.url(),
  registry: z.url(),
  identityIssuer: z.url(),
  /** PEM: verifies the identity provider's door. */
  doorRoots: z.string(),
  pspOrigin: z.url(),
  /** Whether the payment provider's events come in through the web door. */
  webhookAllowed: z.boolean().default(true),
  /** Share of requests whose spans are made and kept. Security events are another path and never sampled. */
  traceRatio: z.number().min(0).max(1).default(0.1),
  /** Per source address (IPv6: /64). */
  anonymousLimit: z.strictObject({ perSecond: z.number().positive(), burst: z.int().positive() }).default({ perSecond: 200, burst: 1_000 }),
  sessions: z.strictObject({
    /** Since the last request; signed in. */
    idleMinutes: z.number().positive(),
    /** Since sign-in. */
    absoluteMinutes: z.number().positive(),
    /** Visitors who have not signed in: how long their cart waits. */
    guestIdleMinutes: z.number().positive(),
  }).default({ idleMinutes: 60, absoluteMinutes: 720, guestIdleMinutes: 1_440 }),
})

export type Config = z.infer<typeof configSchema>
export type SecretName = 'webKey' | 'mobileKey' | 'partnerKey' | 'sessionKey' | 'consulToken'
