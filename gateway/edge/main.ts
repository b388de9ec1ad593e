/** The edge: one gateway, one door for each kind of client (G4, S12.1). */
import { readLaunch } from '@shop/chassis/launch.ts'
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from './config.ts'
import { startEdge } from './start.ts'

const launch = readLaunch(configSchema)
await startEdge(launch, createLog(launch.process, { version: launch.version }))
