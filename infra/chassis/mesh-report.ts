/** Security events and spans of a process that speaks in the mesh itself: straight to the monitor over mutual TLS (S5.1, S12.4). */
import type { WorkloadIdentity } from './identity.ts'
import { createReporter, EventsRefused, isFinal, type Report } from './security-event.ts'
import { createTelemetry, type Telemetry } from './telemetry.ts'
import { createMeshPool } from './tls.ts'

export type MeshReporter = {
  report: Report
  /** Spans of this process; close() ends them too. */
  telemetry(workload: string, version: string): Telemetry
  /** Sends what waits, for at most a second. */
  close(): Promise<void>
}

/** `monitor` is its ingest, 'https://127.0.0.1:PORT'. */
export function createMeshReporter(process: string, monitor: string, identity: WorkloadIdentity): MeshReporter {
  const pool = createMeshPool(identity, monitor, 'monitor', { connections: 1 })
  const post = async (path: string, json: string | Uint8Array): Promise<number> => {
    const { statusCode, body } = await pool.dispatcher().request({ method: 'POST', path, headers: { 'content-type': 'application/json' }, body: json, headersTimeout: 5_000, bodyTimeout: 5_000 })
    await body.dump()
    return statusCode
  }
  const { report, flush } = createReporter(process, async (events) => {
    const status = await post('/events', JSON.stringify(events))
    if (status >= 300) throw new (isFinal(status) ? EventsRefused : Error)(`the monitor answered ${status}`)
  })
  let telemetry: Telemetry | undefined
  return {
    report,
    telemetry: (workload, version) => (telemetry ??= createTelemetry({ process, workload, version, report, send: (body) => post('/v1/traces', body) })),
    async close() {
      await telemetry?.close()
      await Promise.race([flush(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())])
      await pool.close()
    },
  }
}
