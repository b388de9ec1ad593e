// Verbs that a door does not declare, in the hope that some layer takes them for others: HEAD for GET, POST for DELETE,
// whatever a header or a field says the verb really is. The cart is the thing that must not change.
import { attack } from '../attack.ts'
import { exchange } from '../raw-http.ts'
import type { Scene } from '../scene.ts'

const VERBS = ['HEAD', 'OPTIONS', 'TRACE', 'TRACK', 'PATCH', 'GeT', 'get', 'FOO', 'PROPFIND', 'MOVE', 'PURGE', 'DEBUG', 'LINK', 'QUERY']
/** Verbs of the door, not of this address: its route table says so. */
const OTHERS = ['DELETE', 'POST', 'PUT']
const OVERRIDES = [['x-http-method-override', 'DELETE'], ['x-http-method', 'DELETE'], ['x-method-override', 'DELETE'], ['x-original-method', 'DELETE']] as const

attack({
  id: 'T1-f',
  strategies: ['T1', 'S5.1'],
  kind: 'attack',
  goal: 'change or read something by a verb that its address does not have',
  without: 'method-allow-list',
  stopped: { code: 'method-not-allowed', detection: 'RE1' },
  async run(scene: Scene) {
    const visitor = scene.visitor()
    const productId = (await visitor.get('/api/products?pageSize=20')).json.items.find((p: { stock: number }) => p.stock > 2).id as string
    await visitor.send('PUT', `/api/cart/lines/${productId}`, { quantity: 2 })
    const before = (await visitor.get('/api/cart')).text
    let isHeeded = false
    for (const verb of [...VERBS, ...OTHERS]) {
      const answer = await exchange(visitor.address, `${verb} /api/products HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      // HEAD's refusal has no body to name its trace: it is known by where it came from.
      if (answer.json) scene.answered(answer, `${verb} /api/products`, { ...(OTHERS.includes(verb) && { control: 'match-operation' }) })
      else scene.refused({ address: visitor.address, control: undefined })
      if (answer.status !== 405 || !/^allow: /im.test(answer.headers)) {
        isHeeded = true
        scene.note({ effect: verb, status: answer.status })
      }
    }
    for (const [name, verb] of OVERRIDES) {
      // With all that a page of the visitor's own would send: nothing but the verb is wrong.
      const answer = await visitor.send('GET', `/api/cart/lines/${productId}`, undefined, { [name]: verb })
      scene.answered(answer, `GET with ${name}: ${verb}`, { control: 'match-operation' })
      const read = await visitor.get('/api/cart?_method=DELETE')
      scene.answered(read, 'GET /api/cart?_method=DELETE', { code: 'parameter-unexpected', detection: 'RE5', control: 'validate-request' })
      isHeeded ||= answer.status !== 405 || read.status === 200
    }
    const withBody = await exchange(visitor.address, 'GET /api/products HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}')
    scene.answered(withBody, 'GET with a body', { code: 'parameter-unexpected', detection: 'RE5', control: 'validate-request' })
    return isHeeded || withBody.status < 400 || (await visitor.get('/api/cart')).text !== before
  },
  async probe(scene) {
    const answer = await exchange(scene.visitor().address, 'GET /api/products HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n')
    return answer.status === 200
  },
})
