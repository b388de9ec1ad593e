/** Runs access until it is told to stop. The lab starts the same with other rules. */
import { createControlApi } from '@shop/chassis/control-api.ts'
import { enrol } from '@shop/chassis/identity.ts'
import { createJwks } from '@shop/chassis/jwks.ts'
import { ready, type Launch } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { fetchJson } from '@shop/chassis/mesh-json.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { peerIdOf, serveMesh } from '@shop/chassis/mesh-server.ts'
import { loadApi, readOpenApi } from '@shop/chassis/operation.ts'
import { createMeshPool } from '@shop/chassis/tls.ts'
import { accessHandlers } from './api.ts'
import type { Config } from './config.ts'
import { loadPolicies, type Policies } from './decide.ts'

export async function startAccess(launch: Launch<Config>, log: Logger): Promise<void> {
  const { config, names: { trustDomain } } = launch
  const policies = readPolicies(config)
  const identity = await enrol(launch, log)
  const reporter = createMeshReporter(launch.process, config.monitor, identity)
  const exchange = createMeshPool(identity, config.exchange, 'exchange', { connections: 1 })
  const handlers = accessHandlers({
    policies, trustDomain, log, origin: `https://127.0.0.1:${config.port}`, now: Date.now,
    exchangeKeys: createJwks(() => fetchJson(exchange.dispatcher(), '/jwks', 1_000)),
  })
  const listener = createControlApi({
    api: loadApi(readOpenApi(new URL('openapi.yaml', import.meta.url))), handlers, log, report: reporter.report,
    control: { name: 'access-questions', strategies: ['S2.3'] }, subjectOf: peerIdOf(trustDomain),
  })
  const server = await serveMesh(listener, { host: config.host, port: config.port, identity, report: reporter.report })
  ready()
  log.info({ services: config.policies.map((p) => p.service) }, 'ready')
  onStop(log, async () => {
    await server.close()
    await reporter.close()
    await exchange.close()
    identity.stop()
  })
}

/** A policy that cannot be used is unusable configuration: named, and no start. */
function readPolicies(config: Config): Policies {
  try {
    return loadPolicies(config.policies)
  } catch (error) {
    process.stderr.write(`unusable policy:\n${(error as Error).message}\n`)
    process.exit(78)
  }
}
