/** Exchange: the issuer of narrow tokens (S2.5, S12.5). */
import { readLaunch } from '@shop/chassis/launch.ts'
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from './config.ts'
import { startExchange } from './start.ts'

const launch = readLaunch(configSchema)
await startExchange(launch, createLog(launch.process))
