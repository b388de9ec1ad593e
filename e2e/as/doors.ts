/** Whom the forwarder can be, at which door. */
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { Agent, type Dispatcher } from 'undici'
import { ca, endpoints, Visitor } from '../shop.ts'
import { headerOf, type Door, type Forwarded, type Given } from './forward.ts'

/** How long a session is believed to live without asking. */
const BELIEVED_MS = 20_000
const ENDED = new Set(['sign-in-required', 'session-ended', 'session-invalid'])

type Tls = { cert?: string; key?: string; localAddress?: string }
const openAgent = ({ localAddress, ...tls }: Tls) => new Agent({ ...(localAddress && { localAddress }), connect: { ca, family: 4, ...tls }, keepAliveTimeout: 4_000, headersTimeout: 60_000, bodyTimeout: 0 })
/** A refusal is read whole, because it may tell that a session has ended; anything else comes as it comes. */
async function ask(agent: Agent, origin: string, { method, path, headers, body, signal }: Forwarded, more: string[]): Promise<Given> {
  const answer = await agent.request({ origin, method: method as Dispatcher.HttpMethod, path, headers: [...headers, ...more], signal, ...(body.length && { body }) })
  return { status: answer.statusCode, headers: answer.headers, body: answer.statusCode === 401 ? Buffer.from(await answer.body.arrayBuffer()) : answer.body }
}

/** A customer, seller or member of staff at the web door. What the tool sends itself (cookie, token, Origin) goes through untouched. */
export async function webDoor(username: string): Promise<Door> {
  const { origin } = new URL(endpoints.web.url)
  let visitor = await new Visitor().signIn(username)
  const agent = openAgent({ localAddress: visitor.address })
  let csrf = ''
  let askedAt = -Infinity
  let asking: Promise<void> | undefined

  /** Asks who we are, and signs in again when we are nobody. One asks for all. */
  const ensureSession = (isOld: boolean): Promise<void> => (!isOld && Date.now() - askedAt < BELIEVED_MS ? Promise.resolve() : (asking ??= (async () => {
    let session = await visitor.get('/api/session')
    if (!session.json?.user) {
      await visitor.close()
      visitor = await new Visitor({ address: visitor.address }).signIn(username)
      session = await visitor.get('/api/session')
    }
    csrf = session.json.csrfToken
    askedAt = Date.now()
  })().finally(() => { asking = undefined })))

  async function once(request: Forwarded): Promise<Given> {
    const { method, headers } = request
    const own = [...visitor.cookies].filter(([name]) => name.startsWith(`${origin} `)).map(([name, value]) => [name.split(' ')[1]!, value] as const)
    const sent = headerOf(headers, 'cookie')
    const cookie = [sent, ...own.filter(([name]) => !sent?.includes(`${name}=`)).map((pair) => pair.join('='))].filter(Boolean).join('; ')
    const isUnsafe = !['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method)
    const wanted = { ...(cookie && { cookie }), ...(isUnsafe && { 'x-csrf-token': csrf, origin, 'sec-fetch-site': 'same-origin' }) }
    const missing = Object.entries(wanted).filter(([name]) => name === 'cookie' || headerOf(headers, name) === undefined)
    const answer = await ask(agent, origin, { ...request, headers: headers.flatMap((value, at) => (at % 2 === 0 && value !== 'cookie' ? [value, headers[at + 1]!] : [])) }, missing.flat())
    // The session stays here: a tool that kept its cookie would go on with one that has ended.
    const set = [answer.headers['set-cookie'] ?? []].flat()
    for (const line of set) {
      const [name, value] = line.split(';')[0]!.split('=') as [string, string?]
      if (!value || /max-age=0\b/i.test(line)) visitor.cookies.delete(`${origin} ${name}`)
      else visitor.cookies.set(`${origin} ${name}`, value)
    }
    if (set.length) askedAt = -Infinity
    delete answer.headers['set-cookie']
    return answer
  }

  await ensureSession(true)
  return {
    origin,
    async send(request) {
      await ensureSession(false)
      const answer = await once(request)
      if (!hasEnded(answer)) return answer
      if (answer.body instanceof Readable) answer.body.resume()
      await ensureSession(true)
      return once(request)
    },
    close: async () => void (await Promise.all([agent.destroy(), visitor.close()])),
  }
}

/** The door asks to sign in: a program by a problem, a browser by the way there. */
function hasEnded({ status, headers, body }: Given): boolean {
  if (status !== 401 || !(body instanceof Buffer)) return String(headers['location'] ?? '').startsWith('/login?')
  return ENDED.has(/"code":"([a-z-]+)"/.exec(body.toString('utf8'))?.[1] ?? '')
}

/** A partner: client certificate and API key. */
export async function partnerDoor(clientId: string): Promise<Door> {
  const client = endpoints.partner.clients.find((one) => one.clientId === clientId)
  if (!client) throw new Error(`There is no partner '${clientId}'. There are: ${endpoints.partner.clients.map((one) => one.clientId).join(', ')}`)
  const { origin } = new URL(endpoints.partner.url)
  const agent = openAgent({ cert: readFileSync(client.certificate, 'utf8'), key: readFileSync(client.privateKey, 'utf8') })
  return {
    origin,
    send: (request) => ask(agent, origin, request, headerOf(request.headers, 'api-key') === undefined ? ['api-key', client.apiKey] : []),
    close: () => agent.destroy(),
  }
}
