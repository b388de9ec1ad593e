// Behind the door many requests share few kept connections. Some clients leave in the middle of an answer, and the edge's
// certificate is replaced meanwhile; whoever comes next on a connection must never get what was left of it, nor may a
// request travel on one that was opened in an earlier name. Every request names what it wants, so a mix-up shows.
// Nothing is refused here, so there is nothing to report: a client that leaves is a client that leaves.
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, fetch } from 'undici'
import { ca, endpoints, eventually, freshAddress, readEndpoints } from '../../shop.ts'
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

/** Requests in all: SOURCES × rounds, about 10⁴. Ten times as many only take ten times as long: careless, it is lost within a hundred. */
const SOURCES = 12, FEW = 60, MANY = 900
/** Of every so many requests one is given up, at another moment each time. */
const GIVE_UP_EACH = 3
const RENEW_EACH_MS = 3_000

type Seen = { right: number; wrong: number; left: number; failed: number }

async function ask(scene: Scene, rounds: number, giveUp: boolean, isEnough = (_seen: Seen) => false): Promise<Seen> {
  const list = await scene.visitor().get('/api/products?pageSize=40')
  if (list.status !== 200) return { right: 0, wrong: 0, left: 0, failed: 1 }
  const ids = list.json.items.map((p: { id: string }) => p.id) as string[]
  const seen = { right: 0, wrong: 0, left: 0, failed: 0 }
  await Promise.all(Array.from({ length: SOURCES }, async (_, source) => {
    const agent = new Agent({ localAddress: freshAddress(), connect: { ca, family: 4 }, connections: 2 })
    for (let round = 0; round < rounds && !isEnough(seen); round++) {
      const id = ids[(source * 7 + round) % ids.length]!
      const left = new AbortController()
      const isGivenUp = giveUp && (source + round) % GIVE_UP_EACH === 0
      const timer = isGivenUp ? setTimeout(() => left.abort(), (source * 13 + round * 5) % 40) : undefined
      try {
        const response = await fetch(new URL(`/api/products/${id}`, endpoints.web.url), { dispatcher: agent, signal: left.signal })
        const body = await response.json() as { id?: string }
        if (response.status === 429) seen.left += 1
        else if (response.status !== 200) seen.failed += 1
        else if (body.id === id) seen.right += 1
        else seen.wrong += 1
      } catch (error) {
        if (left.signal.aborted) seen.left += 1
        else throw error
      } finally {
        clearTimeout(timer)
      }
    }
    await agent.close()
  }))
  scene.note({ sources: SOURCES, rounds, ...seen })
  return seen
}

/** Makes the edge ask for another certificate now; resolves when it has it. */
async function renewEdge(): Promise<void> {
  const { pid, log } = readEndpoints().processes.find(({ name }) => name === 'edge')!
  const count = () => readFileSync(log, 'utf8').match(/"msg":"certificate renewed"/g)?.length ?? 0
  const before = count()
  process.kill(pid, 'SIGHUP')
  await eventually('another certificate of the edge', async () => count() > before, 10_000)
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
    const { wrong, right } = await ask(scene, scene.isFast ? FEW : MANY, true, (seen) => seen.wrong > 0).finally(() => { isOver = true })
    await renewing
    scene.note({ 'certificates replaced meanwhile': renewals })
    if (right === 0) throw new Error('no request was answered')
    return wrong > 0
  },
  async probe(scene) {
    const { right, wrong, failed } = await ask(scene, 2, false)
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
    await ask(scene, 3, false)
    await renewEdge()
    const { right, wrong, failed } = await ask(scene, 5, false)
    if (right + wrong + failed === 0) throw new Error('no request was answered')
    return wrong + failed > 0
  },
  async probe(scene) {
    const { right, wrong, failed } = await ask(scene, 2, false)
    return right > 0 && wrong === 0 && failed === 0
  },
})
