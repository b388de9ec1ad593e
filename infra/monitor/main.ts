/** The monitor: where refusals become known (S5.1), and how requests went (S12.4, S13.5). */
import { rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { createControlApi } from '@shop/chassis/control-api.ts'
import { enrol } from '@shop/chassis/identity.ts'
import { readLaunch, ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { peerIdOf, serveMesh } from '@shop/chassis/mesh-server.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import { createReporter } from '@shop/chassis/security-event.ts'
import { createStore } from '@shop/chassis/store.ts'
import { configSchema, secretsSchema } from './config.ts'
import { doorHandlers } from './door.ts'
import { createEventStore, EVENTS_CHANNEL } from './event-store.ts'
import { ingestHandlers, type Tally } from './ingest.ts'
import { spanHandlers } from './ingest-spans.ts'
import { createQuota } from './producer.ts'
import { createSpanStore } from './span-store.ts'
import { createStreams } from './stream.ts'

const launch = readLaunch(configSchema)
const { config, names } = launch
const { doorKey, testerToken } = secretsSchema.parse(launch.secrets)
const log = createLog(launch.process)
const identity = await enrol(launch, log)
const store = createStore(config.database, identity, log)
const events = createEventStore(store)
const spans = createSpanStore(store)
const { report, flush } = createReporter(launch.process, async (own) => void (await events.keep('monitor', own)))
const streams = createStreams(events, log)
const tallies = new Map<string, Tally>()
const read = (file: string) => loadApi(readOpenApi(new URL(file, import.meta.url)))

const tend = async () => { await events.tend(); await spans.tend() }
await tend()
const stopListening = await store.listen(EVENTS_CHANNEL, streams.wake)
const tending = setInterval(() => tend().catch((error: unknown) => log.error({ err: error }, 'partitions not tended')), 3_600_000).unref()

const ingest = createControlApi({
  api: read('openapi.yaml'), log, report, control: { name: 'event-authentication', strategies: ['S5.1'] }, subjectOf: peerIdOf(names.trustDomain),
  handlers: {
    ...ingestHandlers({ events, quota: createQuota(), tallies, trustDomain: names.trustDomain, report, now: Date.now, ...(config.stores && { stores: config.stores.workloads }) }),
    ...spanHandlers({ spans, quota: createQuota({ perSecond: 500, burst: 5_000 }), trustDomain: names.trustDomain, report, now: Date.now }),
  },
})
const server = await serveMesh(ingest, { host: config.host, port: config.port, identity, report })
const door = https.createServer(
  { key: doorKey, cert: config.certificate, minVersion: 'TLSv1.3', requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 16_384 },
  createControlApi({
    api: read('door.openapi.yaml'), log, report, control: { name: 'tester-token', strategies: ['S5.1'] }, subjectOf: () => undefined,
    handlers: doorHandlers({ events, spans, streams, tallies, brand: names.brand, testerToken, startedAt: new Date().toISOString() }),
  }))
await new Promise<void>((resolve, reject) => door.once('error', reject).listen(config.doorPort, config.host, resolve))
const stores = config.stores && http.createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, ingest)
if (stores && config.stores) {
  const { socket } = config.stores
  rmSync(socket, { force: true })
  await new Promise<void>((resolve, reject) => stores.once('error', reject).listen(socket, resolve))
}
ready()
log.info('ready')
onStop(log, async () => {
  clearInterval(tending)
  streams.close()
  door.close()
  door.closeIdleConnections()
  stores?.close()
  stores?.closeAllConnections()
  await server.close()
  await flush()
  await stopListening()
  await store.close()
  identity.stop()
})
