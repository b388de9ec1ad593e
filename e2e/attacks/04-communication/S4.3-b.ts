// Behind the door many requests share few kept connections. Some clients leave in the middle of an answer; whoever comes
// next on that connection must never get what was left of it. Every request names what it wants, so a mix-up shows.
import { Agent, fetch } from 'undici'
import { ca, endpoints, freshAddress } from '../../shop.ts'
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

/** Requests in all: SOURCES × rounds. The catalogue asks for 10⁴ and more. */
const SOURCES = 12, FEW = 60, MANY = 900
/** Of every so many requests one is given up, at another moment each time. */
const GIVE_UP_EACH = 3

type Seen = { right: number; wrong: number; left: number; failed: number }

async function ask(scene: Scene, rounds: number, giveUp: boolean, isEnough = (_seen: Seen) => false): Promise<Seen> {
  const ids = (await scene.visitor().get('/api/products?pageSize=40')).json.items.map((p: { id: string }) => p.id) as string[]
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

attack({
  id: 'S4.3-b',
  strategies: ['S4.3'],
  kind: 'attack',
  isLong: true,
  goal: 'get somebody else\'s answer over a connection that was given up',
  without: 'clean-connections',
  stopped: null,
  async run(scene) {
    const { wrong, right } = await ask(scene, scene.isFast ? FEW : MANY, true, (seen) => seen.wrong > 0)
    if (right === 0) throw new Error('no request was answered')
    return wrong > 0
  },
  async probe(scene) {
    const { right, wrong, failed } = await ask(scene, 2, false)
    return right > 0 && wrong === 0 && failed === 0
  },
})
