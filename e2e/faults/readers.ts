/** Visitors who read on and on, and tell of everything that was not the answer they asked for. */
import { Visitor } from '../shop.ts'

export type Reading = { stop(): Promise<{ answers: number; errors: string[] }> }

/** Guests and alice by turns; nothing is asked twice. `orderId` is one of hers. */
export async function readers(count: number, { productId, orderId }: { productId: string; orderId: string }): Promise<Reading> {
  let isOver = false
  let answers = 0
  const errors: string[] = []

  async function read(visitor: Visitor, paths: string[]): Promise<void> {
    for (let n = 0; !isOver; n++) {
      const path = paths[n % paths.length]!
      const at = new Date().toISOString()
      try {
        const { status, text, json } = await visitor.get(path)
        if (status !== 200) errors.push(`${at} ${path}: ${status} ${text.slice(0, 200)}`)
        for (const part of ['shipment', 'invoice']) if (json?.[part]?.state === 'unavailable') errors.push(`${at} ${path}: ${part} is unavailable`)
      } catch (error) {
        errors.push(`${at} ${path}: ${String((error as Error).cause ?? error)}`)
      }
      answers++
    }
    await visitor.close()
  }

  const visitors = await Promise.all(Array.from({ length: count }, (_, i) => i % 2 ? new Visitor().signIn('alice') : new Visitor()))
  const all = Promise.all(visitors.map((visitor, i) => read(visitor, i % 2 ? ['/api/cart', `/api/orders/${orderId}`, '/api/orders'] : ['/api/products?pageSize=5', `/api/products/${productId}`, '/api/cart'])))
  return {
    async stop() {
      isOver = true
      await all
      return { answers, errors }
    },
  }
}
