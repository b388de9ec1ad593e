// Behind the door many requests share few kept connections. Some clients leave in the middle of an answer, and the edge's
// certificate is replaced meanwhile; whoever comes next on a connection must never get what was left of it, nor may a
// request travel on one that was opened in an earlier name. Every request names what it wants, so a mix-up shows.
// Nothing is refused here, so there is nothing to report: a client that leaves is a client that leaves.
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Agent } from 'undici'
import { ca, endpoints, eventually, freshAddress, readEndpoints } from '../../shop.ts'
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

/** As many requests are under way at once: enough to share connections, few enough that health checks and honest traffic are served beside them. */
const SOURCES = 12
/** Requests in all: what proves the control; that it is back; in a fast run. Without the control the first mix-up ends it, within a hundred. */
const MANY = 100_000, SOME = 10_000, FEW = 720
/** Of every so many requests one is given up, at another moment each time. */
const GIVE_UP_EACH = 12
const RENEW_EACH_MS = 3_000
const TELL_EACH_MS = 10_000

type Seen = { sent: number; right: number; wrong: number; left: number; limited: number; failed: number }

async function ask(scene: Scene, requests: number, giveUp: boolean, isEnough = (_seen: Seen) => false): Promise<Seen> {
  const list = await scene.visitor().get('/api/products?pageSize=40')
  const seen: Seen = { sent: 0, right: 0, wrong: 0, left: 0, limited: 0, failed: 0 }
  if (list.status !== 200) return { ...seen, failed: 1 }
  const ids = list.json.items.map((p: { id: string }) => p.id) as string[]
  const telling = setInterval(() => scene.tell(`${seen.sent} of ${requests} requests sent, ${seen.wrong} mixed up`), TELL_EACH_MS)
  await Promise.all(Array.from({ length: SOURCES }, async () => {
    const agent = new Agent({ localAddress: freshAddress(), connect: { ca, family: 4 }, connections: 2 })
    while (seen.sent < requests && !isEnough(seen)) {
      const number = seen.sent++
      const id = ids[number % ids.length]! // of those under way no two want the same
      const left = new AbortController()
      const timer = giveUp && number % GIVE_UP_EACH === 0 ? setTimeout(() => left.abort(), (number * 5) % 40) : undefined
      try {
        const { statusCode, body } = await agent.request({ origin: endpoints.web.url, method: 'GET', path: `/api/products/${id}`, signal: left.signal })
        const { id: got } = await body.json() as { id?: string }
        if (statusCode === 429) seen.limited += 1
        else if (statusCode !== 200) seen.failed += 1
        else if (got === id) seen.right += 1
        else seen.wrong += 1
      } catch (error) {
        if (left.signal.aborted) seen.left += 1
        else throw error
      } finally {
        clearTimeout(timer)
      }
    }
    await agent.close()
  })).finally(() => clearInterval(telling))
  scene.note({ sources: SOURCES, requests: seen.sent, 'answered right': seen.right, 'mixed up': seen.wrong, 'given up': seen.left, 'turned away by the limit': seen.limited, failed: seen.failed })
  return seen
}

/** What the edge writes of these requests in several seconds, at least. */
const END_BYTES = 2_000_000
const endOf = (path: string) => (existsSync(path) ? readFileSync(path).subarray(-END_BYTES).toString('utf8') : '')

/** Makes the edge ask for another certificate now; resolves when it has it. */
async function renewEdge(): Promise<void> {
  const { pid, log } = readEndpoints().processes.find(({ name }) => name === 'edge')!
  const since = new Date().toISOString()
  process.kill(pid, 'SIGHUP')
  // A log that grew too long is moved aside meanwhile.
  const isRenewed = () => [`${log}.1`, log].some((path) => [...endOf(path).matchAll(/"time":"([^"]+)"[^\n]*"msg":"certificate renewed"/g)].some(([, time]) => time! >= since))
  await eventually('another certificate of the edge', async () => isRenewed(), 10_000)
}

attack({
  id: 'S4.3-b',
  strategies: ['S4.3'],
  kind: 'attack',
  isLong: true,
  goal: 'get somebody else\'s answer over a connection that was given up, or outlived its certificate',
  without: 'clean-connections',
  stopped: null,
  isExclusive: true, // a renewal is all doors'
  async run(scene) {
    let isOver = false
    let renewals = 0
    const renewing = (async () => {
      for (; !isOver; await pause(RENEW_EACH_MS)) {
        await renewEdge()
        renewals += 1
      }
    })()
    const { wrong, right } = await ask(scene, scene.isFast ? FEW : scene.phase === 'on' ? MANY : SOME, true, (seen) => seen.wrong > 0).finally(() => { isOver = true })
    await renewing
    scene.note({ 'certificates replaced meanwhile': renewals })
    if (right === 0) throw new Error('no request was answered')
    return wrong > 0
  },
  async probe(scene) {
    const { right, wrong, failed } = await ask(scene, 24, false)
    return right > 0 && wrong === 0 && failed === 0
  },
})

attack({
  id: 'S4.3-b-own',
  strategies: ['S4.3'],
  kind: 'attack',
  goal: 'have requests travel on in a name that was given up: their tokens are for the new one, and visitors are turned away',
  without: 'own-certificate',
  stopped: null,
  isExclusive: true,
  async run(scene) {
    await ask(scene, 36, false)
    await renewEdge()
    const { right, wrong, failed } = await ask(scene, 60, false)
    if (right + wrong + failed === 0) throw new Error('no request was answered')
    return wrong + failed > 0
  },
  async probe(scene) {
    const { right, wrong, failed } = await ask(scene, 24, false)
    return right > 0 && wrong === 0 && failed === 0
  },
})
