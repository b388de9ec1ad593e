// A body that two readers take for two different things: keys twice, keys that reach a prototype, numbers that lose
// digits, nesting, another format under the name of JSON. What the shop does not refuse changes the cart.
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

/** Bodies for a cart line; were one understood, it would change a quantity that is 2. */
const MALFORMED: [string, string][] = [
  ['a key twice', '{"quantity":2,"quantity":7}'], ['a key twice, escaped', '{"quantity":2,"\\u0071uantity":7}'], ['__proto__', '{"quantity":7,"__proto__":{"polluted":1}}'],
  ['__proto__, escaped', '{"quantity":7,"\\u005f_proto__":{"polluted":1}}'], ['trailing data', '{"quantity":7}{"quantity":8}'], ['trailing comma', '{"quantity":7,}'], ['comment', '{"quantity":7/**/}'],
  ['single quotes', "{'quantity':7}"], ['byte order mark', '\ufeff{"quantity":7}'], ['NaN', '{"quantity":NaN}'], ['1e400', '{"quantity":1e400}'], ['too many digits', '{"quantity":9007199254740993}'], ['-0', '{"quantity":-0}'],
  ['deep', `{"quantity":${'['.repeat(100_000 / 4)}`], ['lone surrogate', '{"quantity":7,"\\ud800":1}'], ['hex', '{"quantity":0x7}'], ['leading zero', '{"quantity":07}'], ['plus', '{"quantity":+7}'], ['nothing', ''.padEnd(8)],
]
const OTHERS: [string, string, string][] = [
  ['XML', 'application/xml', '<quantity>7</quantity>'], ['YAML', 'application/yaml', 'quantity: 7'], ['JSON as text', 'text/plain', '{"quantity":7}'], ['multipart without its end', 'multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="quantity"\r\n\r\n7'],
  ['other charset', 'application/json; charset=utf-16', '{"quantity":7}'], ['merge patch', 'application/merge-patch+json', '{"quantity":7}'],
]
const UNFIT: [string, unknown, code?: string, detection?: string][] = [
  ['a text', { quantity: '7' }], ['a list', { quantity: [7] }], ['an object', { quantity: { $gt: 1 } }], ['constructor', { quantity: 7, constructor: { prototype: { polluted: 1 } } }, 'parameter-unexpected', 'RE5'], ['null', { quantity: null }], ['true', { quantity: true }], ['a list of lines', [{ quantity: 7 }]], ['1.5', { quantity: 1.5 }], ['1e3', '{"quantity":1e3}'],
]

async function send(scene: Scene, isHostile: boolean): Promise<boolean> {
  const visitor = scene.visitor()
  const productId = (await visitor.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 2).id as string
  const put = (body: unknown, type = 'application/json') => visitor.send('PUT', `/api/cart/lines/${productId}`, body, { 'content-type': type })
  const quantity = async () => (await visitor.get('/api/cart')).json.lines[0]?.quantity as number
  if ((await put({ quantity: 2 })).status !== 200) throw new Error('the cart could not be filled')
  if (!isHostile) return (await put({ quantity: 3 })).status === 200 && (await quantity()) === 3
  let isRead = false
  const refused = async (what: string, answer: Awaited<ReturnType<typeof put>>, code: string, detection: string) => {
    scene.answered(answer, `PUT cart line: ${what}`, { code, detection, control: 'validate-request' })
    // A body that is read, and one that breaks the reader.
    if (answer.status < 400 || answer.status >= 500 || (await quantity()) !== 2) {
      isRead = true
      scene.note({ effect: what, status: answer.status })
    }
  }
  for (const [what, body] of MALFORMED) await refused(what, await put(body), 'body-malformed', 'RE8')
  for (const [what, type, body] of OTHERS) await refused(what, await put(body, type), 'media-type-unsupported', 'RE8')
  for (const [what, body, code = 'input-invalid', detection = 'IE2'] of UNFIT) await refused(what, await put(body), code, detection)
  return isRead
}

attack({
  id: 'T1-c',
  strategies: ['T1', 'S5.1'],
  kind: 'attack',
  goal: 'have a body read by the shop that two readers would read differently',
  without: 'strict-json',
  stopped: { code: 'body-malformed', detection: 'RE8' },
  run: (scene) => send(scene, true),
  probe: (scene) => send(scene, false),
})
