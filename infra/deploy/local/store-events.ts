/** The stores' refusals, from their logs to the monitor, over a socket that only the runner may open (S5.1). */
import { createReporter, EventsRefused, isFinal, type SecurityEvent } from '@shop/chassis/security-event.ts'
import { Client } from 'undici'
import { readConsul, readPostgres, readRabbitmq, type ReadRefusal } from '../backing/refusals.ts'
import { followFile } from './follow.ts'
import { logPath } from './logs.ts'

const READ_EVERY_MS = 250
const readers: Record<string, () => ReadRefusal> = { postgres: readPostgres, rabbitmq: readRabbitmq, consul: readConsul }

export type StoreEvents = { read(): void; stop(): void }

/**
 * `read` takes over what the logs have grown by; it is done by itself, and must be before a log is cut. While the
 * monitor is away events wait; what is too much is dropped and counted, store by store.
 */
export function watchStores(shopDir: string, stores: { name: string; workload: string }[], socketPath: string): StoreEvents {
  const client = new Client('http://monitor', { socketPath, headersTimeout: 10_000, bodyTimeout: 10_000 })
  async function send(events: SecurityEvent[]): Promise<void> {
    const { statusCode, body } = await client.request({ method: 'POST', path: '/events', headers: { 'content-type': 'application/json' }, body: JSON.stringify(events) })
    await body.dump()
    if (statusCode >= 300) throw new (isFinal(statusCode) ? EventsRefused : Error)(`the monitor answered ${statusCode}`)
  }
  const followers = stores.map(({ name, workload }) => {
    const { report } = createReporter(name, send)
    const refusalIn = readers[workload]!()
    return followFile(logPath(shopDir, name), (line) => {
      const refusal = refusalIn(line)
      if (refusal) report(refusal)
    })
  })
  const read = () => { for (const follow of followers) follow() }
  const timer = setInterval(read, READ_EVERY_MS)
  return {
    read,
    stop() {
      clearInterval(timer)
      void client.destroy()
    },
  }
}
