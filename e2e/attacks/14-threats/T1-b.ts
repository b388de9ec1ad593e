// The same texts in spellings that a second decoding would turn back, and bytes that are no UTF-8 at all: in the path,
// the query and the body. What is not canonical is refused, the rest is a text like any other; nothing is decoded twice.
import { hostile, spellings } from '../corpus.ts'
import { attack } from '../attack.ts'
import type { Visitor } from '../../shop.ts'
import { exchange, web } from '../raw-http.ts'
import type { Scene } from '../scene.ts'

type Refused = [text: string, code: string, detection: string]

/** In place of a product's id; no reader should agree with another about them. */
const NOT_CANONICAL = ['%c0%ae%c0%ae/', '%e0%80%af', '%ff', '%ed%a0%80', '%f8%88%80%80%80', '%2e%2e/', '%252e%252e%252f', '%00', 'a%0ab', '%u002e', '%', '%4', '%zz', 'a%5c..', 'a;b=c', 'e%cc%81', '..', '.', '%2f', '/', '%25', '%e2%84%ab'].map((text): Refused => [text, 'path-malformed', 'EE1'])
const PATHS: Refused[] = [...NOT_CANONICAL, ['\\..', 'path-malformed', 'EE1'], ['\xff', 'framing-invalid', 'FRAMING']]
const QUERIES = ['%c0%a7', '%ff%fe', '%ed%a0%80', '%', '%zz', '%e2%80', '%u0027', 'e%cc%81', '%e1%84%92%e1%85%a1%e1%86%ab', '%e2%84%ab'].map((text): Refused => [text, 'query-malformed', 'EE1'])
/** Of a body that changes a quantity, with its encoding. */
const BODIES: [string, string][] = [
  ['no UTF-8', 'latin1:{"quantity":1,"x":"\xff"}'], ['byte order mark', '\ufeff{"quantity":1}'], ['UTF-16', 'utf16le:{"quantity":1}'], ['lone surrogate', '{"quantity":1,"x":"\\ud800"}'], ['overlong', 'latin1:{"quantity":1,"\xc0\xa2":1}'],
]
/** Of the path of a product: each would be it, were it decoded once more or put in order. */
const HIDDEN = (id: string): string[] => [`/api/%2570roducts/${id}`, `/api/products/x/../${id}`, `/api/products/%2e%2e/products/${id}`, `/api;v=1/products/${id}`, `/api//products/${id}`, `/api\\products/${id}`, `/api%2fproducts/${id}`, `/./api/products/${id}`, `/api/products/${id}%00.png`, `/api/products/%25${Buffer.from(id[0]!).toString('hex')}${id.slice(1)}`, `/%61pi/%2e/products/${id}`]

attack({
  id: 'T1-b',
  strategies: ['T1', 'S5.1'],
  kind: 'attack',
  goal: 'get a text past the doors in a spelling that somebody behind them decodes once more',
  without: 'canonical-request',
  stopped: { code: 'path-malformed', detection: 'EE1' },
  async run(scene: Scene) {
    const visitor = scene.visitor()
    const product = (await visitor.get('/api/products?pageSize=1')).json.items[0]
    const cart = (await visitor.send('PUT', `/api/cart/lines/${product.id}`, { quantity: 2 })).text
    let hasEffect = false
    const effect = (request: string, seen: object) => { hasEffect = true; scene.note({ effect: request, ...seen }) }
    const refused = async (target: string, [, code, detection]: Refused) => {
      const answer = await raw(visitor, target)
      if (answer.status < 400 || answer.status >= 500) effect(target, { status: answer.status })
      scene.answered(answer, `GET ${target}`, { code, detection })
    }
    for (const one of PATHS) await refused(`/api/products/${one[0]}`, one)
    for (const target of HIDDEN(product.id)) await refused(target, [target, 'path-malformed', 'EE1'])
    for (const one of QUERIES) await refused(`/api/products?search=${one[0]}`, one)
    for (const [what, text] of BODIES) {
      const [encoding, body] = /^(latin1|utf16le):/.test(text) ? text.split(/:(.*)/s) as [BufferEncoding, string] : ['utf8' as const, text]
      const answer = await put(visitor, `/api/cart/lines/${product.id}`, Buffer.from(body!, encoding))
      if (answer.status !== 400) effect(what, { status: answer.status })
      scene.answered(answer, what, { code: 'body-malformed', detection: 'RE8', control: 'validate-request' })
    }
    // A spelling of the product's own name finds nothing, unless the spelling is the same text.
    for (const spelling of spellings(product.name).filter((text) => text.normalize('NFKC').toLowerCase() !== product.name.toLowerCase() && !text.includes('\ufeff'))) {
      const answer = await visitor.get(`/api/products?search=${encodeURIComponent(spelling)}`)
      if (answer.status >= 500 || answer.json?.items?.some((item: { id: string }) => item.id === product.id)) effect(spelling, { status: answer.status })
    }
    for (const [, text] of hostile)
      for (const spelling of spellings(text).slice(1, 3)) {
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

/** A change with these very bytes as its body, as the visitor's own page would send it. */
async function put(visitor: Visitor, path: string, body: Buffer): Promise<{ status: number; json?: any }> {
  const { csrfToken } = (await visitor.get('/api/session')).json
  const cookies = [...visitor.cookies].filter(([name]) => name.startsWith(web.origin)).map(([name, value]) => `${name.split(' ')[1]}=${value}`).join('; ')
  const head = `PUT ${path} HTTP/1.1\r\nHost: ${web.host}\r\nOrigin: ${web.origin}\r\nCookie: ${cookies}\r\nX-CSRF-Token: ${csrfToken}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
  return exchange(visitor.address, Buffer.concat([Buffer.from(head, 'latin1'), body]))
}
