/** Runs the edge until it is told to stop. The lab starts the same with one control left out. */
import { setTimeout } from 'node:timers/promises'
import { enrol } from '@shop/chassis/identity.ts'
import { ready, type Launch } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { createStore } from '@shop/chassis/store.ts'
import type { Control } from '../pipeline.ts'
import type { HeaderPolicy } from '../stages/header-allow-list.ts'
import { createUpstream, type UpstreamParts } from '../upstream/call.ts'
import type { UpstreamCall } from '../upstream/pipeline.ts'
import type { PassOn } from './ask.ts'
import { buildEdge, type EdgeControls } from './build.ts'
import type { Door, DoorName } from './call.ts'
import type { Config, SecretName } from './config.ts'
import { createIdentityClient } from './identity-client.ts'
import { listenAt } from './listen.ts'
import type { Unseal } from './sessions/sessions.ts'
import { createStorefront } from './storefront/pages.ts'

const SWEEP_MS = 60_000
/**
 * So long a stopping edge still answers, and says each time that the connection ends here: whoever keeps one connects
 * anew, instead of meeting its end with a request just written. With a successor on the same ports it need not wait for
 * those who say nothing, only longer than most do.
 */
const NOTICE_MS = 1_500, HANDOVER_MS = 900, LOOK_MS = 20

/** How a composition other than production's is made; production passes nothing. */
export type Composition = {
  pipeline?: (controls: EdgeControls) => EdgeControls
  upstream?: (controls: Control<UpstreamCall>[]) => Control<UpstreamCall>[]
  connect?: UpstreamParts['connect']
  unseal?: Unseal
  keyOf?: UpstreamParts['keyOf']
  isParserLenient?: boolean
  passOn?: PassOn
  headerPolicy?: HeaderPolicy
}

export async function startEdge(launch: Launch<Config>, log: Logger, { pipeline = (c) => c, upstream: controls = (c) => c, connect, unseal, keyOf, isParserLenient = false, passOn, headerPolicy }: Composition = {}): Promise<void> {
  const { config, names } = launch
  const secret = (name: SecretName): string => launch.secrets[name] ?? missing(name)
  const identity = await enrol(launch, log)
  const store = createStore(config.database, identity, log)
  const locks = createStore(config.database, identity, log, { connections: 3 })
  const reporter = createMeshReporter(launch.process, config.monitor, identity)
  const telemetry = reporter.telemetry(launch.workload, launch.version)
  const upstream = createUpstream({ identity, outbound: config.policy.outbound, exchange: config.exchange, registry: config.registry, consulToken: secret('consulToken'), externalRoots: config.doorRoots, log, report: reporter.report, telemetry, controls, ...(headerPolicy && { headerPolicy }), ...(connect && { connect }), ...(keyOf && { keyOf }) })
  const client = createIdentityClient({ issuer: config.identityIssuer, roots: config.doorRoots, identity })
  const stopping = new AbortController()
  const { handle, sessions } = buildEdge({
    config, names, sessionKey: secret('sessionKey'), spiffeId: identity.mesh().spiffeId, store, locks, identity: client, callUpstream: upstream.call,
    storefront: createStorefront(names.brand), log, report: reporter.report, telemetry, stopping: stopping.signal, pipeline, unseal, passOn,
  })
  await upstream.ready()
  const doors = await Promise.all((['web', 'mobile', 'partner'] as const).map((name: DoorName) => {
    const { port, origin, certificate } = config.doors[name]
    const door: Door = { name, origin }
    return listenAt({ host: config.host, port, certificate, key: secret(`${name}Key`), isParserLenient, ...(name === 'partner' && { clientRoots: config.doors.partner.clientRoots }) },
      (request, response) => void handle(door, request, response), reporter.report)
  }))
  const sweep = setInterval(() => { sessions.sweep().catch((err: unknown) => log.warn({ err }, 'ended sessions were not deleted')) }, SWEEP_MS).unref()
  ready()
  log.info({ doors: config.doors.web.origin }, 'ready')
  async function stop(noticeMs: number): Promise<void> {
    clearInterval(sweep)
    stopping.abort()
    for (const until = performance.now() + noticeMs; performance.now() < until && doors.some((door) => door.open() > 0);) await setTimeout(LOOK_MS)
    await Promise.all(doors.map((door) => door.drain()))
    await upstream.stop()
    await client.close()
    await reporter.close()
    identity.stop()
    await sessions.close()
    await Promise.all([store.close(), locks.close()])
  }
  onStop(log, () => stop(NOTICE_MS))
  process.once('SIGUSR2', () => void stop(HANDOVER_MS).then(() => process.exit(0)))
}

function missing(name: string): never {
  process.stderr.write(`unusable configuration:\nthe secret ${name} is missing\n`)
  process.exit(78)
}
