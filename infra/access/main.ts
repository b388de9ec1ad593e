/** Access: the policy decision point (S2.1, S2.3). */
import { readLaunch } from '@shop/chassis/launch.ts'
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from './config.ts'
import { startAccess } from './start.ts'

const launch = readLaunch(configSchema)
await startAccess(launch, createLog(launch.process))
