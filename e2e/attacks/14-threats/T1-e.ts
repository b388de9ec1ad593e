// Alice is signed in and opens a hostile page. Whatever that page can make her browser send goes with her cookie: forms
// from this host's other ports, from a sandboxed frame, from another site, with what such a page can and cannot say.
import { endpoints, type Visitor } from '../../shop.ts'
import { attack } from '../attack.ts'
import type { Scene } from '../scene.ts'

const web = new URL(endpoints.web.url)
const HOSTILE = ['https://evil.example', 'null', new URL(endpoints.identity.issuer).origin, `http://${web.host}`, `https://${web.hostname}`, `${web.origin}.evil.example`, undefined]
const SITES = ['cross-site', 'same-site', undefined]
const FORMS = ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', undefined]

function* requests(): Generator<Record<string, string>> {
  for (const origin of HOSTILE)
    for (const site of SITES)
      for (const type of FORMS)
        yield { ...(origin !== undefined && { origin }), ...(site && { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }), ...(type && { 'content-type': type }) }
}

const isSignedIn = async (person: Visitor) => Boolean((await person.get('/api/session')).json.user)

async function ride(scene: Scene): Promise<boolean> {
  const alice = await scene.signIn('alice')
  const jar = new Map(alice.cookies)
  for (const headers of requests()) {
    const answer = await alice.request('POST', '/logout', { headers })
    scene.answered(answer, `POST /logout ${JSON.stringify(headers)}`)
    // Her browser keeps the cookie; whether it is still worth something is what counts.
    for (const [name, value] of jar) alice.cookies.set(name, value)
    if (answer.status < 400 && !(await isSignedIn(alice))) return true
  }
  // The same by methods and addresses that a page can reach without a form.
  for (const [method, path] of [['GET', '/logout'], ['GET', '/logout?_method=POST'], ['HEAD', '/logout']] as const) {
    const answer = await alice.request(method, path, { headers: { 'sec-fetch-site': 'cross-site', 'x-http-method-override': 'POST' } })
    scene.note({ request: `${method} ${path}`, status: answer.status })
  }
  return !(await isSignedIn(alice))
}

attack({
  id: 'T1-e',
  strategies: ['T1', 'S10.1'],
  kind: 'attack',
  goal: 'end a customer\'s session from a page of another site',
  without: 'same-origin',
  stopped: { code: 'csrf', detection: 'ACE3' },
  run: ride,
  async probe(scene) {
    const bob = await scene.signIn('bob')
    const jar = new Map(bob.cookies)
    const answer = await bob.send('POST', '/logout')
    for (const [name, value] of jar) bob.cookies.set(name, value)
    return answer.status === 303 && !(await isSignedIn(bob))
  },
})
