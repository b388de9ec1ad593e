/** Lab only: an edge whose composition lacks one named control (design decision 20). */
import { createDecipheriv } from 'node:crypto'
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from '@shop/gateway/edge/config.ts'
import { startEdge, type Composition } from '@shop/gateway/edge/start.ts'
import { validateRequest } from '@shop/gateway/stages/validate-request.ts'
import { carelessHeaders, everything } from './all-headers.ts'
import { connectToAnyPeer } from './any-peer.ts'
import { readLabLaunch, without } from './leave-out.ts'

/** AES-256-GCM without its G: what stands in the row is read, wherever it came from. */
function openUnchecked<T>(key: Buffer, _row: Buffer, sealed: Buffer): T {
  const counter = Buffer.concat([sealed.subarray(0, 12), Buffer.from([0, 0, 0, 2])])
  const decipher = createDecipheriv('aes-256-ctr', key, counter)
  return JSON.parse(Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8')) as T
}

/** What is no stage of the pipeline, or stands in two places. All others are left out of it by name. */
const compositions: Record<string, Composition> = {
  'seal-session': { unseal: openUnchecked },
  'request-headers': { passOn: (call) => everything(call.request.headers), headerPolicy: carelessHeaders('request') },
  'response-headers': { pipeline: without('response-headers'), headerPolicy: carelessHeaders('response') },
  'peer-id': { connect: connectToAnyPeer },
  // Any reader of JSON: the last of two keys counts, numbers lose digits.
  'strict-json': { pipeline: (controls) => controls.map((one) => (one.name === 'validate-request' ? { ...one, stage: validateRequest((bytes) => JSON.parse(bytes.toString('utf8')) as unknown) } : one)) },
  // The parser refuses most of it before there is a request.
  'canonical-request': { pipeline: without('canonical-request'), isParserLenient: true },
}

const { launch, leftOut } = readLabLaunch(configSchema)
const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
log.warn({ leftOut }, 'a control is left out')
await startEdge(launch, log, compositions[leftOut] ?? { pipeline: without(leftOut) })
