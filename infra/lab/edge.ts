/** Lab only: an edge whose composition lacks one named control (design decision 20). */
import { createDecipheriv } from 'node:crypto'
import { createLog } from '@shop/chassis/log.ts'
import type { EdgeControls } from '@shop/gateway/edge/build.ts'
import { configSchema } from '@shop/gateway/edge/config.ts'
import { startEdge, type Composition } from '@shop/gateway/edge/start.ts'
import { validateRequest } from '@shop/gateway/stages/validate-request.ts'
import { carelessHeaders, everything } from './all-headers.ts'
import { connectToAnyPeer, connectToAnyRegistry } from './any-peer.ts'
import { tokenKey } from '@shop/gateway/upstream/narrow-token.ts'
import { connectAcrossCertificates, connectCarelessly } from './connect-carelessly.ts'
import { instead, readLabLaunch, without } from './leave-out.ts'
import { dialAnything, heedAnyVerb, tidyTarget } from './read-carelessly.ts'

/** AES-256-GCM without its G: what stands in the row is read, wherever it came from. */
function openUnchecked<T>(key: Buffer, _row: Buffer, sealed: Buffer): T {
  const counter = Buffer.concat([sealed.subarray(0, 12), Buffer.from([0, 0, 0, 2])])
  const decipher = createDecipheriv('aes-256-ctr', key, counter)
  return JSON.parse(Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8')) as T
}

type One = EdgeControls[number]

/** What is no stage of the pipeline, stands in two places, or is done by someone careless. All others are left out of it by name. */
const compositions: Record<string, Composition> = {
  'seal-session': { unseal: openUnchecked },
  'request-headers': { passOn: (call) => everything(call.request.headers), headerPolicy: carelessHeaders('request') },
  'response-headers': { pipeline: without('response-headers'), headerPolicy: carelessHeaders('response') },
  'peer-id': { connect: connectToAnyPeer },
  'registry-peer': { connect: connectToAnyRegistry },
  // Any reader of JSON: the last of two keys counts, numbers lose digits.
  'strict-json': { pipeline: instead<One>('validate-request', () => ({ request: validateRequest((bytes) => JSON.parse(bytes.toString('utf8')) as unknown) })) },
  // What is odd is put in order, not refused. The parser refuses most of it before there is a request.
  'canonical-request': { pipeline: instead<One>('canonical-request', () => ({ request: tidyTarget })), isParserLenient: true },
  'method-allow-list': { pipeline: instead<One>('method-allow-list', () => ({ request: heedAnyVerb })) },
  // That there are no addresses but ours is said of host and target before it is said of routes.
  'match-operation': { pipeline: (controls) => instead<One>('match-operation', dialAnything)(without<One>('canonical-request')(controls)) },
  // One visitor is as good as another. Customers keep their own.
  'token-cache-key': { keyOf: (wanted) => tokenKey(wanted.subject.kind === 'guest' ? { ...wanted, subject: { kind: 'guest', guest: 'any' } } : wanted) },
  // Deaf to who asks it to renew its certificate at once: it goes on with what it keeps.
  'forget-on-change': {},
  'clean-connections': { connect: connectCarelessly },
  'own-certificate': { connect: connectAcrossCertificates },
}

const { launch, leftOut } = readLabLaunch(configSchema)
const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
log.warn({ leftOut }, 'a control is left out')
await startEdge(launch, log, compositions[leftOut] ?? { pipeline: without(leftOut) })
if (leftOut === 'forget-on-change') process.removeAllListeners('SIGHUP').on('SIGHUP', () => {})
