/** Lab only: a micro-gateway whose inbound pipeline lacks one named control (design decision 20). */
import { ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from '@shop/gateway/micro/config.ts'
import { startMicroGateway } from '@shop/gateway/micro/gateway.ts'
import type { InboundCall } from '@shop/gateway/micro/inbound-call.ts'
import type { Control } from '@shop/gateway/pipeline.ts'
import { readLabLaunch, without } from './leave-out.ts'

const { launch, leftOut } = readLabLaunch(configSchema)
const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
// Who may come without a certificate must not be refused for having none a moment later.
const composition = leftOut === 'mutual-tls' ? { clientCertificate: 'optional' as const, inbound: without<Control<InboundCall>>('verify-peer') } : { inbound: without<Control<InboundCall>>(leftOut) }
const gateway = await startMicroGateway(launch, log, composition)
onStop(log, () => gateway.stop())
process.once('SIGUSR2', () => void gateway.stop(300).then(() => process.exit(0)))
ready()
log.warn({ leftOut }, 'a control is left out')
