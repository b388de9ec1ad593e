/** One health check: over mutual TLS, from whoever holds the service's own certificate, within a second (S3.6, S7.1). */
import type { WorkloadIdentity } from '@shop/chassis/identity.ts'
import { createMeshPool, type MeshPool } from '@shop/chassis/tls.ts'
import { addressOf, type CheckResult, type Instance } from './decide.ts'

export type HealthChecks = {
  check(instance: Instance): Promise<CheckResult>
  /** Closes connections to addresses that are not checked any more. */
  keep(addresses: Set<string>): void
  close(): Promise<void>
}

/** Codes by which TLS says that the certificate is not of this mesh, or not of this workload. */
const IMPOSTOR = /^(ERR_PEER_IDENTITY|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?)$/

export function healthChecks(identity: WorkloadIdentity, timeoutMs = 1_000): HealthChecks {
  const pools = new Map<string, MeshPool>()
  return {
    async check(instance) {
      const address = addressOf(instance)
      try {
        // Inside: what another wrote into the registry may be no address at all.
        let pool = pools.get(address)
        if (!pool) pools.set(address, (pool = createMeshPool(identity, `https://${instance.host}:${instance.port}`, instance.service, { connections: 1 })))
        const { statusCode, body } = await pool.dispatcher().request({ method: 'GET', path: '/health', headers: { accept: 'application/json' }, signal: AbortSignal.timeout(timeoutMs) })
        await body.dump({ limit: 4_096, signal: AbortSignal.timeout(timeoutMs) })
        return statusCode === 200 ? 'good' : 'bad'
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        return IMPOSTOR.test(code) ? 'impostor' : code === 'ECONNREFUSED' ? 'absent' : 'bad'
      }
    },
    keep(addresses) {
      for (const [address, pool] of pools) {
        if (addresses.has(address)) continue
        pools.delete(address)
        pool.close().catch(() => {})
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.close()))
    },
  }
}
