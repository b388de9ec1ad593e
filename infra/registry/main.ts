import { readLaunch } from '@shop/chassis/launch.ts'
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from './config.ts'
import { startRegistry } from './start.ts'

const launch = readLaunch(configSchema)
await startRegistry(launch, createLog(launch.process))
