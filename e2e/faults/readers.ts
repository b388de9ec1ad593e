/** Visitors who read on and on, and tell of everything that was not the answer they asked for. */
import { setTimeout as pause } from 'node:timers/promises'
import { eventually, Visitor } from '../shop.ts'

/** `atLeast`: so many answers are waited for; how long that takes is the machine's affair. */
export type Reading = { stop(atLeast: number): Promise<{ answers: number; errors: string[] }> }

/** What a person's browser leaves between two requests; without it readers would only measure the machine. */
const PAUSE_MS = 25
/** An order page goes without a part that takes longer (1.5 s): on a busy machine that says nothing of what is tested here. */
const PART_MS = 1_400

/** Guests and alice by turns; nothing is asked twice. `orderId` is one of hers. */
export async function readers(count: number, { productId, orderId }: { productId: string; orderId: string }): Promise<Reading> {
  let isOver = false
  let answers = 0
  const errors: string[] = []
  let more = 0
  const say = (error: string) => void (errors.length < 10 ? errors.push(error) : more++)

  async function read(visitor: Visitor, paths: string[]): Promise<void> {
    for (let n = 0; !isOver; n++) {
      const path = paths[n % paths.length]!
      const at = new Date().toISOString()
      const startedAt = performance.now()
      try {
        const { status, text, json } = await visitor.get(path)
        if (status !== 200) say(`${at} ${path}: ${status} ${json?.code} ${json?.traceId ?? text.slice(0, 200)}`)
        const isSlow = performance.now() - startedAt > PART_MS
        for (const part of ['shipment', 'invoice']) if (json?.[part]?.state === 'unavailable' && !isSlow) say(`${at} ${path}: ${part} is unavailable`)
      } catch (error) {
        say(`${at} ${path}: ${String((error as Error).cause ?? error)}`)
      }
      answers++
      await pause(PAUSE_MS)
    }
    await visitor.close()
  }

  const visitors = await Promise.all(Array.from({ length: count }, (_, i) => i % 2 ? new Visitor().signIn('alice') : new Visitor()))
  const pathsOf = (i: number) => i % 2 ? ['/api/cart', `/api/orders/${orderId}`, '/api/orders'] : ['/api/products?pageSize=5', `/api/products/${productId}`, '/api/cart']
  // Visitors in the middle of their visit, not at its beginning.
  for (const [i, visitor] of visitors.entries()) for (const path of pathsOf(i)) await visitor.get(path)
  const all = Promise.all(visitors.map((visitor, i) => read(visitor, pathsOf(i))))
  return {
    async stop(atLeast) {
      await eventually(`${atLeast} answers`, async () => answers >= atLeast)
      isOver = true
      await all
      return { answers, errors: more ? [...errors, `and ${more} more`] : errors }
    },
  }
}
