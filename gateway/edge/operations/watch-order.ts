/**
 * An order as server-sent events: the composed view, sent again whenever it differs. Ends with the session, with the
 * client, or after ten minutes; a browser then connects again by itself.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '@shop/chassis/problem.ts'
import { project } from '../../stages/shape-response.ts'
import type { Answer, EdgeCall } from '../call.ts'
import { SessionEnded, TooManyStreams } from '../problems.ts'
import type { Shop } from './shop.ts'
import { viewOrder } from './order-view.ts'

const EVERY_MS = 1_000
const HEARTBEAT_MS = 15_000
const LIFE_MS = 600_000
const PER_SESSION = 4
const IN_ALL = 500

export function createOrderStreams(shop: Shop): (call: EdgeCall) => Promise<Answer> {
  const { sessions, stopping, publicApi } = shop
  const open = new Map<string, number>()
  let all = 0
  const count = (session: string, by: 1 | -1) => {
    all += by
    const left = (open.get(session) ?? 0) + by
    if (left) open.set(session, left)
    else open.delete(session)
  }

  return async (call) => {
    const { session } = call
    if (!session) throw SessionEnded()
    const key = session.hash.toString('hex')
    const schema = publicApi['components']['schemas']['OrderView']
    const orderId = call.input!.params['orderId']
    const look = async () => JSON.stringify(project(schema, await viewOrder(shop, { ...call, deadline: performance.now() + 3_000 }, orderId), publicApi))
    const first = await look() // a problem is answered as one, before the stream begins
    if (all >= IN_ALL || (open.get(key) ?? 0) >= PER_SESSION) throw TooManyStreams({ headers: { 'retry-after': '5' } })

    const stream: Answer['stream'] = async (write, gone) => {
      const until = AbortSignal.any([gone, stopping, AbortSignal.timeout(LIFE_MS)])
      count(key, 1)
      try {
        let sent = ''
        let quietMs = 0
        for (let view = first; !until.aborted; view = await look().catch(goOn(sent))) {
          if (view !== sent) {
            await write(`event: order\nid: ${hash('sha256', view, 'base64url').slice(0, 22)}\ndata: ${view}\n\n`)
            sent = view
            quietMs = 0
          } else if (quietMs >= HEARTBEAT_MS) {
            await write(': still here\n\n')
            quietMs = 0
          }
          await sleep(EVERY_MS, undefined, { signal: until }).catch(() => {})
          quietMs += EVERY_MS
          if (!until.aborted && !(await sessions.isAlive(session).catch(() => true))) break
        }
      } finally {
        count(key, -1)
      }
    }
    return { status: 200, headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }, stream }
  }
}

/** A service that is away for a moment is no reason to end, and when the client left the loop ends by itself; losing the right to look is one. */
const goOn = (sent: string) => (error: unknown): string => {
  if (error instanceof Problem && (error.status >= 500 || error.code === 'client-gone')) return sent
  throw error
}
