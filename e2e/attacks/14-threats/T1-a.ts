// Somebody tries what a reader behind the doors might run: each kind of text, in another place of a request each time,
// plain or in one more spelling. None does harm (T1-a-literal); the goal is that nobody even hears of it.
import { conspicuous, harmless, spellings } from '../corpus.ts'
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'
import { eventually, events, type Visitor } from '../../shop.ts'

type Place = [string, (visitor: Visitor, text: string) => Promise<{ status: number }>]

const inHeader = (text: string) => !/[^\x20-\x7e]/.test(text)
/** Where a request takes a text. A header takes no line ends, a path no encoded slashes. */
const PLACES: Place[] = [
  ['a query', (visitor, text) => visitor.get(`/api/products?search=${encodeURIComponent(text)}`)],
  ['a page\'s query', (visitor, text) => visitor.get(`/search?q=${encodeURIComponent(text)}`)],
  ['an unknown parameter', (visitor, text) => visitor.get(`/api/products?${encodeURIComponent(text)}=1`)],
  ['a header', (visitor, text) => visitor.get('/api/products?pageSize=1', { 'user-agent': inHeader(text) ? text : encodeURIComponent(text) })],
  ['a cookie', (visitor, text) => visitor.get('/api/products?pageSize=1', { cookie: `theme=${encodeURIComponent(text)}` })],
  ['a JSON value', (visitor, text) => visitor.send('PUT', '/api/cart/lines/00000000-0000-4000-8000-000000000000', { quantity: text })],
  ['a JSON key', (visitor, text) => visitor.send('PUT', '/api/cart/lines/00000000-0000-4000-8000-000000000000', { quantity: 1, [text === '__proto__' ? `${text}x` : text]: 1 })],
]

/** Says each text once, from an address of its own, so that each must have an event of its own. */
async function say(scene: Scene, texts: [string, string][], kinds: 'as they are' | 'also spelled'): Promise<void> {
  let at = 0
  for (const [kind, text] of texts) {
    const [place, speak] = PLACES[at++ % PLACES.length]!
    const spelled = kinds === 'also spelled' && at % 3 === 0 ? spellings(text)[at % 6]! : text
    const visitor = scene.visitor()
    const { status } = await speak(visitor, spelled)
    if (status >= 500) throw new Error(`${place}: ${status} for ${JSON.stringify(spelled)}`)
    scene.note({ request: `${kind} in ${place}`, text: spelled, status, address: visitor.address })
    scene.refused({ address: visitor.address, detection: kind === 'markup' ? 'IE1' : 'CIE1' })
  }
}

attack({
  id: 'T1-a',
  strategies: ['T1', 'S5.1'],
  kind: 'attack',
  goal: 'try injections at the doors without anybody noticing',
  without: 'inspect',
  stopped: { code: 'injection-suspected', detection: 'CIE1' },
  async run(scene) {
    await say(scene, conspicuous, 'also spelled')
    return true
  },
  async sentinel(scene) {
    const visitor = scene.visitor()
    const answer = await visitor.get('/api/products', { authorization: 'Bearer x.y.z' })
    scene.note({ request: 'a token that no door takes', status: answer.status })
    return { address: visitor.address, code: 'token-not-accepted' }
  },
  /** What people really write passes, and nobody is suspected for it. */
  async probe(scene) {
    const visitor = scene.visitor()
    const since = new Date().toISOString()
    for (const text of harmless) {
      const answer = await visitor.get(`/api/products?search=${encodeURIComponent(text)}`)
      if (answer.status !== 200) throw new Error(`${text}: ${answer.status}`)
    }
    await visitor.get('/api/products', { authorization: 'Bearer x.y.z' })
    const seen = await eventually('the sentinel', async () => {
      const from = (await events({ since, limit: '1000' })).filter(({ data }) => data.address?.endsWith(visitor.address))
      return from.some(({ data }) => data.code === 'token-not-accepted') && from
    }, 8_000)
    const suspected = seen.filter(({ data }) => data.code === 'injection-suspected')
    scene.note({ harmless: harmless.length, suspected: suspected.length })
    return suspected.length === 0
  },
})
