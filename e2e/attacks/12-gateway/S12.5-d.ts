// Tokens for reads are kept for a while. Somebody without an account asks for a cart again and again, beside another
// visitor and two customers: whoever gets another's token sees another's cart. A customer signs out, and somebody who
// kept their cookie, and the next visitor of the same browser, go on asking. And whoever took over the edge asks for
// tokens whose names, put one after the other, read like those of another pair.
//
// And the rules change: access is replaced by one that lets guests have no carts. A guest whose token was kept from
// before goes on asking. Who asks has no token in hand: edge and gateways hold them, and forget.
import { setTimeout as pause } from 'node:timers/promises'
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

/** After a sign-out nobody may see the cart of who was here, from this moment on. */
const REVOKED_MS = 1_000

/** Looks at a customer's cart after they left that still showed it. */
const afterSignOut = (scene: Scene): Promise<number> => inTurn(async () => {
  const browser = await scene.signIn('bob')
  const product = (await browser.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 0).id as string
  const put = await browser.send('PUT', `/api/cart/lines/${product}`, { quantity: 3 })
  if (put.status !== 200) throw new Error(`cart: ${put.status} ${put.text}`)
  const cookie = [...browser.cookies].map(([name, value]) => `${name.split(' ')[1]}=${value}`).join('; ')
  const thief = scene.visitor(), next = scene.visitor()
  const isSeen = async (who: typeof thief, headers?: Record<string, string>) => (await who.get('/api/cart', headers)).json?.lines?.some((line: { productId: string; quantity: number }) => line.productId === product && line.quantity === 3) === true
  if (!await isSeen(thief, { cookie })) throw new Error('the cookie that was kept shows nothing: nothing was tried')
  const out = await browser.send('POST', '/logout')
  if (out.status >= 400) throw new Error(`sign-out: ${out.status} ${out.text}`)
  await pause(REVOKED_MS)
  const looks: boolean[] = []
  for (let round = 0; round < 8; round++) looks.push(...await Promise.all([isSeen(thief, { cookie }), isSeen(browser), isSeen(next)]))
  const seen = looks.filter(Boolean).length
  scene.note({ 'looks after the sign-out': looks.length, seen })
  return seen
})

/** Names that end where the next begins, for who puts them together without care; and how each is refused. */
const COLLIDING: [audience: string, scope: string, guest: (own: string) => string, code: string][] = [
  ...[' ', '\n', '\t', '\0', ',', ':', '|', '\x1f', '+', '%20', '\u2028'].flatMap((gap): typeof COLLIDING => [
    [`order${gap}getCart`, 'getCart', (own) => own, 'audience'], ['order', `getCart${gap}order`, (own) => own, 'scope'], ['order', 'getCart', (own) => `${own}${gap}order`, 'guest'],
  ]),
  ['order', 'getCart', (own) => own.toUpperCase(), 'guest'], ['order', 'getCart', () => 'self', 'guest'], ['order', 'getCart', () => '', 'guest'], ['ORDER', 'getCart', (own) => own, 'audience'],
]

/** How many of them got a token. */
async function collide(scene: Scene): Promise<number> {
  const edge = await scene.insider('edge')
  let given = 0
  for (const [audience, scope, guest, code] of COLLIDING) {
    const { traceId, traceparent } = scene.trace()
    const answer = await edge.form('/token', new URLSearchParams({ grant_type: 'client_credentials', audience, scope, guest: guest(crypto.randomUUID()) }).toString(), traceparent)
    if (answer.status === 200) given += 1
    else scene.refused({ traceId, code, control: 'narrowing' })
    if (answer.json?.code !== code) scene.note({ request: JSON.stringify({ audience, scope }), status: answer.status, code: answer.json?.code })
  }
  scene.note({ 'colliding names': COLLIDING.length, given })
  return given
}

attack({
  id: 'S12.5-d',
  strategies: ['S12.5'],
  kind: 'attack',
  goal: 'get another visitor\'s token out of the cache of tokens, or one that outlives its session',
  without: 'token-cache-key',
  // Who asks for what is theirs is refused nothing; the colliding names are, by the exchange.
  stopped: { code: 'audience', detection: 'EXCHANGE-DENY' },
  isExclusive: true, // others buy from the same carts
  async run(scene) {
    const { foreign } = await mix(scene, 40)
    return (await collide(scene)) + (await afterSignOut(scene)) + foreign > 0
  },
  probe: async (scene) => (await mix(scene, 1)).right === 4,
})

/** After a change of rules no token of before may serve, from this moment on. */
const CHANGED_MS = 1_000

attack({
  id: 'S12.5-d-rules',
  strategies: ['S12.5', 'S2.2'],
  kind: 'attack',
  goal: 'go on with a token that was kept from before the rules became stricter',
  without: 'forget-on-change',
  stopped: { code: 'policy-denied', detection: 'EXCHANGE-DENY' },
  isExclusive: true, // everybody's rules
  async run(scene) {
    const guest = scene.visitor()
    const product = (await guest.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 0).id as string
    const put = await guest.send('PUT', `/api/cart/lines/${product}`, { quantity: 1 })
    const before = await guest.get('/api/cart')
    if (put.status !== 200 || before.json?.lines?.length !== 1) throw new Error(`cart: ${put.status}, ${before.status} ${before.text}`)
    await scene.changeRules()
    const changedAt = Date.now()
    await pause(CHANGED_MS)
    const after = await guest.get('/api/cart')
    scene.answered(after, 'GET /api/cart', { control: 'access' })
    scene.note({ 'ms after the change': Date.now() - changedAt, 'lines seen': after.json?.lines?.length ?? 0 })
    return after.json?.lines?.length === 1
  },
  async probe(scene) {
    const guest = scene.visitor()
    return (await guest.get('/api/session')).status === 200 && (await guest.get('/api/cart')).status === 200
  },
})
