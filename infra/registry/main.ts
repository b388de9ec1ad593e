import { enrol } from '@shop/chassis/identity.ts'
import { readLaunch, ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { serveMesh } from '@shop/chassis/mesh-server.ts'
import { configSchema, secretsSchema } from './config.ts'
import { consulServers } from './consul-servers.ts'
import { registryGateway } from './gateway.ts'
import { limitCallers } from './limit-callers.ts'

const launch = readLaunch(configSchema)
const { config, names: { trustDomain } } = launch
const { consulKey } = secretsSchema.parse(launch.secrets)
const log = createLog(launch.process)
const identity = await enrol(launch, log)
const { report, close: closeReports } = createMeshReporter(launch.process, config.monitor, identity)
const connections = config.limits.waiting * Object.keys(config.readers).length
const servers = consulServers({ servers: config.consul, ca: config.consulTls.ca, certificate: config.consulTls.certificate, key: consulKey, connections })
const gateway = registryGateway({ trustDomain, readers: config.readers, admit: limitCallers(config.limits), servers, log, report, now: () => performance.now() })
const server = await serveMesh(gateway, { host: config.host, port: config.port, identity, report })
ready()
log.info({ port: config.port }, 'ready')
onStop(log, async () => {
  await servers.close()
  await server.close()
  await closeReports()
  identity.stop()
})
