/** Runs the registry's gateway until it is told to stop. The lab starts the same with one step replaced. */
import { enrol } from '@shop/chassis/identity.ts'
import { ready, type Launch } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { serveMesh } from '@shop/chassis/mesh-server.ts'
import { secretsSchema, type Config } from './config.ts'
import { consulServers } from './consul-servers.ts'
import { registryGateway, type Steps } from './gateway.ts'
import { limitCallers } from './limit-callers.ts'

/** How a composition other than production's is made; production passes nothing. */
export type Composition = { serve?: typeof serveMesh; steps?: Steps }

export async function startRegistry(launch: Launch<Config>, log: Logger, { serve = serveMesh, steps }: Composition = {}): Promise<void> {
  const { config, names: { trustDomain } } = launch
  const { consulKey } = secretsSchema.parse(launch.secrets)
  const identity = await enrol(launch, log)
  const { report, close: closeReports } = createMeshReporter(launch.process, config.monitor, identity)
  const connections = config.limits.waiting * Object.keys(config.readers).length
  const servers = consulServers({ servers: config.consul, ca: config.consulTls.ca, certificate: config.consulTls.certificate, key: consulKey, connections })
  const gateway = registryGateway({ trustDomain, readers: config.readers, admit: limitCallers(config.limits), servers, log, report, now: () => performance.now(), ...(steps && { steps }) })
  const server = await serve(gateway, { host: config.host, port: config.port, identity, report, control: { name: 'registry-tls', strategies: ['S3.3', 'S2.6'] } })
  ready()
  log.info({ port: config.port }, 'ready')
  onStop(log, async () => {
    await servers.close()
    await server.close()
    await closeReports()
    identity.stop()
  })
}
