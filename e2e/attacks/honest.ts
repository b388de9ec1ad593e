/** Honest traffic beside the attacks: a signed-in customer who looks, fills a cart and finds it as it was, all the time. */
import { setTimeout as pause } from 'node:timers/promises'
import { Visitor, type Answer } from '../shop.ts'

/** Slow enough to leave the machine to the attacks. */
const EVERY_MS = 250

/**
 * What became of honest requests. `late`: the answer came too late, which tells as much of a busy machine as of anything
 * else; the problem says to try again, an honest client does, and was served. Whoever was not served then has `failed`.
 */
export type Harm = { failed: string[]; late: string[] }

export async function startHonest(username = 'carol'): Promise<{ takeHarm(): Harm; requests(): number; stop(): Promise<void> }> {
  const customer = await new Visitor().signIn(username)
  const product = (await customer.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 0).id as string
  let harm: Harm = { failed: [], late: [] }
  let requests = 0
  let isStopped = false
  let quantity = 0
  const must = (what: string, isTrue: boolean, answer: { status: number; text: string }) => {
    requests += 1
    if (!isTrue) harm.failed.push(`${what}: ${answer.status} ${answer.text.slice(0, 100)}`)
  }
  const served = async (ask: () => Promise<Answer>): Promise<Answer> => {
    const first = await ask()
    if (first.json?.code !== 'deadline-exceeded') return first
    harm.late.push(`late: ${first.status} ${first.text.slice(0, 100)}`)
    return ask()
  }
  const rounds = (async () => {
    while (!isStopped) {
      try {
        quantity = (quantity % 9) + 1
        const put = await served(() => customer.send('PUT', `/api/cart/lines/${product}`, { quantity }))
        must('cart line', put.status === 200, put)
        const list = await served(() => customer.get('/api/products?pageSize=3'))
        must('list', list.status === 200 && list.json.items.length > 0, list)
        const cart = await served(() => customer.get('/api/cart'))
        const found = cart.json?.lines?.find((line: { productId: string }) => line.productId === product)?.quantity
        must(`a cart of ${quantity} that held ${put.json?.lines?.find((line: { productId: string }) => line.productId === product)?.quantity} (${put.status}) shows ${found}`, put.status !== 200 || found === quantity, cart)
        const session = await served(() => customer.get('/api/session'))
        must('session', session.json?.user !== null && session.status === 200, session)
      } catch (error) {
        harm.failed.push(`no answer: ${(error as Error).message} ${((error as Error).cause as Error | undefined)?.message ?? ''}`)
      }
      await pause(EVERY_MS)
    }
  })()
  return {
    takeHarm() {
      const taken = harm
      harm = { failed: [], late: [] }
      return taken
    },
    requests: () => requests,
    async stop() {
      isStopped = true
      await rounds
      await customer.close()
    },
  }
}
