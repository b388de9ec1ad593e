/** Lab only: an edge whose pipeline lacks one named control (design decision 20). */
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from '@shop/gateway/edge/config.ts'
import { startEdge } from '@shop/gateway/edge/start.ts'
import { readLabLaunch, without } from './leave-out.ts'

const { launch, leftOut } = readLabLaunch(configSchema)
const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
log.warn({ leftOut }, 'a control is left out')
await startEdge(launch, log, { pipeline: without(leftOut) })
