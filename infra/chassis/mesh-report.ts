/** Security events of a process that speaks in the mesh itself: straight to the monitor over mutual TLS (S5.1). */
import type { WorkloadIdentity } from './identity.ts'
import { createReporter, type Report } from './security-event.ts'
import { createMeshPool } from './tls.ts'

/** `monitor` is its ingest, 'https://127.0.0.1:PORT'. Close sends what waits, for at most a second. */
export function createMeshReporter(process: string, monitor: string, identity: WorkloadIdentity): { report: Report; close(): Promise<void> } {
  const pool = createMeshPool(identity, monitor, 'monitor', { connections: 1 })
  const { report, flush } = createReporter(process, async (events) => {
    const { statusCode, body } = await pool.dispatcher().request({
      method: 'POST', path: '/events', headers: { 'content-type': 'application/json' }, body: JSON.stringify(events), headersTimeout: 5_000, bodyTimeout: 5_000,
    })
    await body.dump()
    if (statusCode >= 300) throw new Error(`the monitor answered ${statusCode}`)
  })
  return {
    report,
    async close() {
      await Promise.race([flush(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())])
      await pool.close()
    },
  }
}
