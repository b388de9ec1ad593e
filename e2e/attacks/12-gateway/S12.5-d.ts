// Tokens for reads are kept for a while. Somebody without an account asks for a cart again and again, beside another
// visitor and two customers: whoever gets another's token sees another's cart.
import { attack } from '../attack.ts'
import { inTurn } from '../purchase.ts'
import type { Scene } from '../scene.ts'

/** Of what each of four people saw in `rounds` looks at the cart: what was not theirs, and what was. */
const mix = (scene: Scene, rounds: number): Promise<{ foreign: number; right: number }> => inTurn(async () => {
  const people = await Promise.all([scene.signIn('alice'), scene.signIn('bob'), scene.visitor(), scene.visitor()])
  const products = (await people[0]!.get('/api/products?pageSize=20')).json.items.filter((p: { stock: number }) => p.stock > 0).map((p: { id: string }) => p.id) as string[]
  const own = products.slice(-people.length)
  for (const [i, person] of people.entries()) {
    for (const line of (await person.get('/api/cart')).json.lines) await person.send('DELETE', `/api/cart/lines/${line.productId}`)
    const put = await person.send('PUT', `/api/cart/lines/${own[i]}`, { quantity: 1 })
    if (put.status !== 200) throw new Error(`cart: ${put.status} ${put.text}`)
  }
  let foreign = 0, right = 0
  for (let round = 0; round < rounds; round++)
    await Promise.all(people.map(async (person, i) => {
      const { status, json } = await person.get('/api/cart')
      if (status !== 200) throw new Error(`cart: ${status} ${json?.code}`)
      if (json.lines.length === 1 && json.lines[0].productId === own[i]) right += 1
      else foreign += 1
    }))
  scene.note({ rounds, right, foreign })
  return { foreign, right }
})

attack({
  id: 'S12.5-d',
  strategies: ['S12.5'],
  kind: 'attack',
  goal: 'get another visitor\'s token out of the cache of tokens',
  without: 'token-cache-key',
  stopped: null,
  isExclusive: true, // others buy from the same carts
  run: async (scene) => (await mix(scene, 40)).foreign > 0,
  probe: async (scene) => (await mix(scene, 1)).right === 4,
})
