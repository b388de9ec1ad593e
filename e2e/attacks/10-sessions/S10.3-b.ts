// A customer's cookies are hers and the edge's. A service was taken over and notes what it hears. She sends marked values in
// every header that a proxy might hand on, and asks the edge to mistake her cookie for one that belongs to the connection.
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { readEndpoints, type Visitor } from '../../shop.ts'
import { attack } from '../attack.ts'
import { exchange } from '../raw-http.ts'
import type { Scene } from '../scene.ts'

/** What a service needs to know; all else that it hears of is somebody's mistake. */
const DUE = new Set(['accept', 'content-type', 'content-length', 'transfer-encoding', 'connection', 'host', 'if-match', 'if-none-match', 'idempotency-key', 'authorization', 'traceparent', 'deadline-ms'])
const MARKED = ['x-mark', 'accept', 'accept-language', 'user-agent', 'referer', 'from', 'x-forwarded-for', 'x-forwarded-host', 'forwarded', 'x-auth-token', 'x-session', 'x-api-key', 'cookie2', 'proxy-authorization', 'x-forwarded-authorization', 'x-original-cookie', 'authorization-info', 'x-csrf-token', 'baggage', 'tracestate', 'content-type', 'cache-control', 'prefer', 'x-cookie', 'set-cookie']
const ABOUT_CONNECTION = ['cookie', 'close, cookie', 'cookie, keep-alive', 'authorization', 'x-mark']

const hash = (text: string) => createHash('sha256').update(text).digest('base64url')

/** Names and hashes that catalog has heard since then. */
function heardSince(log: string, from: number): [string, string][] {
  return readFileSync(log).subarray(from).toString('utf8').split('\n').flatMap((line) => (line.includes('"taken over"') ? (JSON.parse(line) as { received: [string, string][] }).received : []))
}

async function listen(scene: Scene, send: (alice: Visitor, paths: string[]) => Promise<Set<string>>): Promise<{ heard: [string, string][]; strange: string[] }> {
  const alice = await scene.signIn('alice')
  const [{ id }] = (await alice.get('/api/products?pageSize=1')).json.items as [{ id: string }]
  await scene.takeOver()
  const log = readEndpoints().processes.find(({ name }) => name === 'catalog-1')!.log
  const from = statSync(log).size
  const sent = await send(alice, ['/api/products?pageSize=1', `/api/products/${id}`, '/api/categories', `/pictures/${id}`, '/', `/products/${id}`])
  const heard = heardSince(log, from)
  const strange = [...new Set(heard.filter(([name, value]) => !DUE.has(name) || sent.has(value)).map(([name]) => name))]
  scene.note({ heard: [...new Set(heard.map(([name]) => name))], strange })
  return { heard, strange }
}

async function leak(scene: Scene): Promise<boolean> {
  const { strange } = await listen(scene, async (alice, paths) => {
    const sent = new Set<string>()
    const mark = () => { const value = `mark-${randomBytes(8).toString('hex')}`; sent.add(hash(value)); return value }
    const cookie = () => { const value = [...[...alice.cookies].map(([name, text]) => `${name.split(' ')[1]}=${text}`), `mark=${mark()}`].join('; '); sent.add(hash(value)); return value }
    for (const path of paths) {
      scene.answered(await alice.get(path, { cookie: cookie(), ...Object.fromEntries(MARKED.map((name) => [name, mark()])) }), `GET ${path} with marks`)
      for (const scheme of ['Basic', 'Bearer', 'Digest']) {
        const value = `${scheme} ${mark()}`
        sent.add(hash(value))
        scene.answered(await alice.get(path, { authorization: value }), `GET ${path} with ${scheme}`, { code: 'token-not-accepted', detection: 'TOKEN-INVALID', control: 'refuse-tokens' })
      }
      for (const names of ABOUT_CONNECTION) {
        const answer = await exchange(alice.address, `GET ${path} HTTP/1.1\r\nHost: HOST\r\nCookie: ${cookie()}\r\nX-Mark: ${mark()}\r\nConnection: ${names}\r\n\r\n`)
        scene.answered(answer, `GET ${path} with Connection: ${names}`, { code: 'framing-invalid', detection: 'FRAMING', control: 'canonical-request' })
      }
    }
    return sent
  })
  return strange.length > 0
}

attack({
  id: 'S10.3-b',
  strategies: ['S10.3'],
  kind: 'attack',
  goal: 'have a customer\'s cookies and credentials handed to a service',
  without: 'request-headers',
  stopped: { code: 'token-not-accepted', detection: 'TOKEN-INVALID' },
  run: leak,
  /** It listens well: of an honest request it hears who calls, and the trace. */
  async probe(scene) {
    const { heard, strange } = await listen(scene, async (alice, paths) => {
      for (const path of paths) if ((await alice.get(path)).status !== 200) throw new Error(`${path} did not answer`)
      return new Set()
    })
    return strange.length === 0 && ['authorization', 'traceparent'].every((name) => heard.some(([other]) => other === name))
  },
})
