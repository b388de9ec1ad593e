/**
 * Mesh policy: what one micro-gateway lets in and out (S13.1, S13.2, G7). Derived from the model, given to the
 * gateway at its deployment and never changed in place. Whatever is not named is refused.
 */
import { z } from 'zod'

const openApi = z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) })

export const meshPolicySchema = z.strictObject({
  version: z.string(),
  workload: z.string(),
  inbound: z.strictObject({
    /** Caller workload → operation ids. */
    callers: z.record(z.string(), z.array(z.string())),
    /** This service's own API; null for a workload without one (the edge). */
    api: openApi.nullable(),
  }),
  /** Callee → what may be called there. */
  outbound: z.record(z.string(), z.strictObject({
    /** mesh: found in the registry; fixed: a control-plane address; external: outside the mesh, TLS without our identity. */
    kind: z.enum(['mesh', 'fixed', 'external']),
    /** 'https://127.0.0.1:PORT' for fixed and external. */
    url: z.url().optional(),
    operations: z.array(z.string()),
    api: openApi,
  })),
})

export type MeshPolicy = z.infer<typeof meshPolicySchema>
export type OpenApiDocument = z.infer<typeof openApi>
