import { readLaunch, ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from './config.ts'
import { startMicroGateway } from './gateway.ts'

const launch = readLaunch(configSchema)
const log = createLog(launch.process, { version: launch.version })
const gateway = await startMicroGateway(launch, log)
onStop(log, () => gateway.stop())
// A successor holds the port and the socket: clients move there, we end what is in flight.
process.once('SIGUSR2', () => void gateway.stop(300).then(() => process.exit(0)))
ready()
log.info({ port: launch.config.port, policy: launch.config.policy.version }, 'ready')
