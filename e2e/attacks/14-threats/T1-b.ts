// The same texts in spellings that a second decoding would turn back, and bytes that are no UTF-8 at all: in the path,
// the query and the body. What is not canonical is refused, the rest is a text like any other; nothing is decoded twice.
import { hostile, spellings } from '../corpus.ts'
import { attack } from '../attack.ts'
import { exchange } from '../raw-http.ts'
import type { Scene } from '../scene.ts'

/** Percent-encoded, as they go over the wire; no reader should agree with another about them. */
const BROKEN_PATHS = ['%c0%ae%c0%ae/', '%e0%80%af', '%ff', '%ed%a0%80', '%f8%88%80%80%80', '%2e%2e/', '%252e%252e%252f', '%00', 'a%0ab', '%u002e', '%', '%4', '%zz', 'a%5c..', 'a;b=c', 'e%cc%81', '..', '.', '%2f', '/', '%25', '\\..']
const BROKEN_QUERIES = ['%c0%a7', '%ff%fe', '%ed%a0%80', '%', '%zz', '%e2%80']
const BROKEN_BODIES: [string, string][] = [
  ['no UTF-8', 'latin1:{"quantity":1,"x":"\xff"}'], ['byte order mark', '\ufeff{"quantity":1}'], ['UTF-16', 'utf16le:{"quantity":1}'], ['lone surrogate', '{"quantity":1,"x":"\\ud800"}'], ['overlong', 'latin1:{"quantity":1,"\xc0\xa2":1}'],
]

attack({
  id: 'T1-b',
  strategies: ['T1', 'S5.1'],
  kind: 'inherent',
  goal: 'get a text past the doors in a spelling that somebody behind them decodes once more',
  without: null,
  stopped: { code: 'path-malformed', detection: 'EE1' },
  async run(scene: Scene) {
    const visitor = scene.visitor()
    const product = (await visitor.get('/api/products?pageSize=1')).json.items[0]
    const cart = (await visitor.send('PUT', `/api/cart/lines/${product.id}`, { quantity: 2 })).text
    let hasEffect = false
    const effect = (request: string, seen: object) => { hasEffect = true; scene.note({ effect: request, ...seen }) }
    for (const path of BROKEN_PATHS) {
      const answer = await raw(visitor, `/api/products/${path}`)
      if (answer.status < 400 || answer.status >= 500) effect(path, { status: answer.status })
      if (answer.json?.code === 'path-malformed') scene.answered(answer, `GET /api/products/${path}`)
      else scene.note({ request: path, status: answer.status, code: answer.json?.code })
    }
    for (const query of BROKEN_QUERIES) {
      const answer = await raw(visitor, `/api/products?search=${query}`)
      if (answer.status !== 400) effect(query, { status: answer.status })
      scene.answered(answer, `GET /api/products?search=${query}`, { code: answer.json?.code, detection: answer.json?.code === 'input-invalid' ? 'IE2' : 'EE1' })
    }
    for (const [what, text] of BROKEN_BODIES) {
      const [encoding, body] = /^(latin1|utf16le):/.test(text) ? text.split(/:(.*)/s) as [BufferEncoding, string] : ['utf8' as const, text]
      const answer = await visitor.send('PUT', `/api/cart/lines/${product.id}`, Buffer.from(body, encoding).toString('latin1'), { 'content-type': 'application/json' })
      if (answer.status !== 400) effect(what, { status: answer.status })
    }
    // A spelling of the product's own name finds nothing, unless the spelling is the same text.
    for (const spelling of spellings(product.name).filter((text) => text.normalize('NFKC').toLowerCase() !== product.name.toLowerCase() && !text.includes('\ufeff'))) {
      const answer = await visitor.get(`/api/products?search=${encodeURIComponent(spelling)}`)
      if (answer.status >= 500 || answer.json?.items?.some((item: { id: string }) => item.id === product.id)) effect(spelling, { status: answer.status })
    }
    for (const [, text] of hostile)
      for (const spelling of spellings(text).slice(0, 3)) {
        const answer = await visitor.get(`/api/products?search=${encodeURIComponent(spelling)}&pageSize=1`)
        if (answer.status >= 500 || answer.json?.total > 0) effect(spelling, { status: answer.status, total: answer.json?.total })
      }
    if ((await visitor.get('/api/cart')).text !== cart) effect('cart', {})
    return hasEffect
  },
  async probe(scene) {
    const visitor = scene.visitor()
    const { name, id } = (await visitor.get('/api/products?pageSize=1')).json.items[0]
    return (await visitor.get(`/api/products?search=${encodeURIComponent(name)}`)).json.items.some((item: { id: string }) => item.id === id)
  },
})

/** A target exactly as written; URL parsers would tidy it. */
async function raw(visitor: { address: string }, target: string): Promise<{ status: number; json?: any }> {
  return exchange(visitor.address, `GET ${target} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n`)
}
