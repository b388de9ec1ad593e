/** Orders of the attacks' customers, one at a time: they have few accounts, and each has one cart. */
import { buy, type Answer, type Visitor } from '../shop.ts'

let last: Promise<unknown> = Promise.resolve()

export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const one = last.then(work)
  last = one.catch(() => {})
  return one
}

/** Empties the cart, fills it with something in stock and orders it. Throws when it is not taken. */
export const purchase = (visitor: Visitor): Promise<Answer> => inTurn(async () => {
  for (const { productId } of (await visitor.get('/api/cart')).json.lines) await visitor.send('DELETE', `/api/cart/lines/${productId}`)
  const answer = await buy(visitor)
  if (answer.status !== 201) throw new Error(`no order: ${answer.status} ${answer.text}`)
  return answer
})
