import { readLaunch } from '@shop/chassis/launch.ts'
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from './config.ts'
import { startRegistrar } from './start.ts'

const launch = readLaunch(configSchema)
await startRegistrar(launch, createLog(launch.process))
