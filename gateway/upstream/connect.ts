/** Kept connections, each pool for one pair of identities: our certificate and the peer's SPIFFE id (S4.3, S7.2). */
import { Pool, type Dispatcher } from 'undici'
import type { Credentials, WorkloadIdentity } from '@shop/chassis/identity.ts'
import { createMeshPool, type MeshPool } from '@shop/chassis/tls.ts'

export type Connect = {
  /** To `workload` at `origin`; whoever answers there must be it. */
  mesh(workload: string, origin: string, credentials: Credentials): Dispatcher
  /** To a party outside the mesh, known by its host name under `roots`; our mesh identity is not shown. */
  external(origin: string): Dispatcher
  /** Closes pools to instances of the workload that are no longer listed. */
  keep(workload: string, origins: Set<string>): void
  close(): Promise<void>
}

export function createConnect(identity: WorkloadIdentity, externalRoots: string | undefined, meshPool = createMeshPool): Connect {
  /** Workload → origin → pool. */
  const pools = new Map<string, Map<string, MeshPool>>()
  const externals = new Map<string, Pool>()
  return {
    mesh(workload, origin, credentials) {
      let ofWorkload = pools.get(workload)
      if (!ofWorkload) pools.set(workload, (ofWorkload = new Map()))
      let pool = ofWorkload.get(origin)
      if (!pool) ofWorkload.set(origin, (pool = meshPool(identity, origin, workload)))
      return pool.dispatcher(credentials)
    },
    external(origin) {
      let pool = externals.get(origin)
      if (!pool) {
        pool = new Pool(origin, { connect: { ca: externalRoots ?? [], minVersion: 'TLSv1.2', timeout: 2_000 }, connections: 16, allowH2: false, pipelining: 1, keepAliveTimeout: 10_000 })
        externals.set(origin, pool)
      }
      return pool
    },
    keep(workload, origins) {
      for (const [origin, pool] of pools.get(workload) ?? []) {
        if (origins.has(origin)) continue
        pools.get(workload)!.delete(origin)
        pool.close().catch(() => {})
      }
    },
    async close() {
      await Promise.all([...[...pools.values()].flatMap((ofWorkload) => [...ofWorkload.values()]), ...externals.values()].map((pool) => pool.close()))
    },
  }
}
