/** Honest traffic beside the attacks: a signed-in customer who looks, fills a cart and finds it as it was, all the time. */
import { setTimeout as pause } from 'node:timers/promises'
import { Visitor } from '../shop.ts'

/** Slow enough to leave the machine to the attacks. */
const EVERY_MS = 250

export async function startHonest(username = 'carol'): Promise<{ takeErrors(): string[]; requests(): number; stop(): Promise<void> }> {
  const customer = await new Visitor().signIn(username)
  const product = (await customer.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 0).id as string
  let errors: string[] = []
  let requests = 0
  let isStopped = false
  let quantity = 0
  const must = (what: string, isTrue: boolean, answer: { status: number; text: string }) => {
    requests += 1
    if (!isTrue) errors.push(`${what}: ${answer.status} ${answer.text.slice(0, 100)}`)
  }
  const rounds = (async () => {
    while (!isStopped) {
      try {
        quantity = (quantity % 9) + 1
        const put = await customer.send('PUT', `/api/cart/lines/${product}`, { quantity })
        must('cart line', put.status === 200, put)
        const list = await customer.get('/api/products?pageSize=3')
        must('list', list.status === 200 && list.json.items.length > 0, list)
        const cart = await customer.get('/api/cart')
        const found = cart.json?.lines?.find((line: { productId: string }) => line.productId === product)?.quantity
        must(`a cart of ${quantity} that held ${put.json?.lines?.find((line: { productId: string }) => line.productId === product)?.quantity} (${put.status}) shows ${found}`, put.status !== 200 || found === quantity, cart)
        const session = await customer.get('/api/session')
        must('session', session.json?.user !== null && session.status === 200, session)
      } catch (error) {
        errors.push(`no answer: ${(error as Error).message} ${((error as Error).cause as Error | undefined)?.message ?? ''}`)
      }
      await pause(EVERY_MS)
    }
  })()
  return {
    takeErrors() {
      const taken = errors
      errors = []
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
