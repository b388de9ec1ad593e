/** The start of every application service: the same steps in the same order, so that a `main.ts` says only what differs. */
import { z } from 'zod'
import { brokerSchema, connectBroker } from './broker.ts'
import { enrol, type WorkloadIdentity } from './identity.ts'
import { consume, type EventHandlers, type InboxSteps } from './inbox.ts'
import { readLaunch, ready, type Launch } from './launch.ts'
import { onStop } from './lifecycle.ts'
import { createLog, type Logger } from './log.ts'
import { createNeighbours, type Neighbour } from './neighbour.ts'
import { loadApi, readOpenApi } from './operation.ts'
import { createOutbox, startRelay, type Outbox } from './outbox.ts'
import { createReporter, EventsRefused, isFinal, type Report, type SecurityEvent } from './security-event.ts'
import { createApp, listenOnSocket, type Routes } from './server.ts'
import type { Service } from './service.ts'
import { createStore, databaseSchema, type Store } from './store.ts'
import { createTelemetry } from './telemetry.ts'

export const serviceConfig = {
  /** Unix socket to listen on; its one client is the micro-gateway. */
  socket: z.string(),
  /** The micro-gateway's socket for outgoing calls. */
  outboundSocket: z.string(),
  database: databaseSchema,
  broker: brokerSchema,
  /** Subscribed topic → producer. */
  producers: z.record(z.string(), z.string()),
}

export type Parts<Config> = {
  launch: Launch<Config>
  store: Store
  outbox: Outbox
  neighbour(name: string): Neighbour
  log: Logger
  report: Report
  identity: WorkloadIdentity
}
export type Built = {
  routes: Routes
  /** One for each subscribed topic. */
  events?: EventHandlers
  /** Background work; called when everything is up. Returns how to stop it. */
  start?(): (() => Promise<void>) | void
}

/** A service as its `program.ts` says it. `openApi` is the URL of its openapi.yaml. */
export type Program<Config = any> = { service: Service; config: z.ZodType<Config>; openApi: URL; build(parts: Parts<Config>): Built | Promise<Built> }

/** How a composition other than production's is made; production passes nothing. */
export type Composition = { inbox?: Partial<InboxSteps>; listen?: typeof listenOnSocket }

/** Runs a service until it is told to stop. */
export async function startService<Config extends { socket: string; outboundSocket: string } & Record<string, any>>(
  { service, config, openApi, build }: Program<Config>,
  launch = readLaunch(config), log = createLog(launch.process, { version: launch.version }), { inbox, listen = listenOnSocket }: Composition = {}): Promise<void> {
  const identity = await enrol(launch, log)
  const store = createStore(launch.config['database'], identity, log)
  const broker = connectBroker(launch.config['broker'], identity, log)
  const neighbours = createNeighbours(launch.config.outboundSocket)
  const monitor = neighbours.of('monitor')
  const reporter = createReporter(launch.process, async (events: SecurityEvent[]) => {
    const answer = await monitor.request({ method: 'POST', path: '/events', body: events })
    if (answer.status >= 300) throw new (isFinal(answer.status) ? EventsRefused : Error)(`the monitor answered ${answer.status}`)
  })
  const telemetry = createTelemetry({
    process: launch.process, workload: service.name, version: launch.version, report: reporter.report,
    send: async (body) => (await monitor.request({ method: 'POST', path: '/v1/traces', body })).status,
  })
  const built = await build({ launch, store, outbox: createOutbox(service.publishes), neighbour: neighbours.of, log, report: reporter.report, identity })
  const unhandled = service.subscribes.filter((topic) => !built.events?.[topic])
  if (unhandled.length) throw new Error(`no handler for ${unhandled.join(', ')}`)

  const stopRelay = await startRelay({ store, broker, identity, workload: service.name, log, telemetry })
  const stopInbox = service.subscribes.length
    ? consume({ queue: service.name, handlers: built.events!, producers: launch.config['producers'], store, broker, identity, log, report: reporter.report, telemetry, steps: inbox })
    : async () => {}
  const app = createApp({ api: loadApi(readOpenApi(openApi)), routes: built.routes, store, log, report: reporter.report, version: launch.version, telemetry })
  const front = await listen(app, launch.config.socket)
  const stopWork = built.start?.()
  ready()
  log.info('ready')
  onStop(log, async () => {
    await front.close()
    await stopWork?.()
    await stopInbox()
    await stopRelay()
    await broker.close()
    await telemetry.close()
    await neighbours.close()
    identity.stop()
    await store.close()
  })
}
