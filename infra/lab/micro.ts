/** Lab only: a micro-gateway whose inbound pipeline lacks one named control (design decision 20). */
import { ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from '@shop/gateway/micro/config.ts'
import { startMicroGateway, type Composition } from '@shop/gateway/micro/gateway.ts'
import { carelessHeaders } from './all-headers.ts'
import { connectToAnyPeer } from './any-peer.ts'
import { readLabLaunch, without } from './leave-out.ts'

const { launch, leftOut } = readLabLaunch(configSchema)
const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
/** What is no stage of the inbound pipeline. All others are left out of it by name. */
const compositions: Record<string, Composition> = {
  // Who may come without a certificate must not be refused for having none a moment later.
  'mutual-tls': { clientCertificate: 'optional', inbound: without('verify-peer') },
  'peer-id': { connect: connectToAnyPeer },
  'request-headers': { headerPolicy: carelessHeaders('request') },
  'response-headers': { headerPolicy: carelessHeaders('response') },
}
const gateway = await startMicroGateway(launch, log, compositions[leftOut] ?? { inbound: without(leftOut) })
onStop(log, () => gateway.stop())
process.once('SIGUSR2', () => void gateway.stop(300).then(() => process.exit(0)))
ready()
log.warn({ leftOut }, 'a control is left out')
