// Everything that a customer is shown is searched for what says how the shop is made: addresses, names of processes,
// identities, software, paths and lines of code. One service was taken over and says where it is in each of its answers.
import { endpoints } from '../../shop.ts'
import { attack } from '../attack.ts'
import { crawl, type Seen } from '../crawl.ts'

const doors = new Set([endpoints.web.url, endpoints.mobile.url, endpoints.partner.url, endpoints.identity.issuer, endpoints.dashboard.url, endpoints.psp.url].map((url) => new URL(url).port))
const ports = endpoints.processes.flatMap(({ address }) => address?.split(':')[1] ?? []).filter((port) => !doors.has(port))
const names = endpoints.processes.filter(({ kind }) => kind === 'service' || kind === 'micro-gateway').map(({ name }) => name)

const TELLS: [string, RegExp][] = [
  ['an inner address', new RegExp(`:(?:${ports.join('|')})\\b`)], ['the name of a process', new RegExp(`\\b(?:${names.join('|')})\\b`)], ['an identity', /spiffe:|\/mesh\/[a-z]|x5t#S256/],
  ['software', /^(?:server|via|x-powered-by|x-runtime|x-served-by):/im], ['a line of code', /\bat [^\n]{0,80}\.(?:ts|js|mjs):\d+|node_modules|node:internal/], ['a path', /\/(?:work|home|root|var|tmp|run)\/[a-z]/], ['a store', /PostgreSQL|RabbitMQ|Consul\b|ECONNREFUSED|pg_hba/],
]

const told = (seen: Seen[]) => seen.flatMap(({ request, text }) => TELLS.flatMap(([what, pattern]) => {
  const found = pattern.exec(text)
  return found ? [{ request, what, found: found[0].slice(0, 60) }] : []
}))

attack({
  id: 'S4.1-a',
  strategies: ['S4.1'],
  kind: 'attack',
  isLong: true,
  goal: 'learn where and what the services are',
  without: 'response-headers',
  // By the gateway of the one who talks.
  stopped: { code: 'response-header-dropped', detection: 'IE7' },
  async run(scene) {
    scene.refused({ subject: (await scene.insider('catalog')).spiffeId })
    const seen = await crawl(scene)
    const tells = told(seen)
    scene.note({ answers: seen.length, tells: tells.slice(0, 20) })
    return tells.length > 0
  },
  /** The search finds what is there: in an answer of the inside. */
  async probe(scene) {
    const answer = await (await scene.insider('edge')).call(`https://127.0.0.1:${ports[0]}`, 'GET', '/').catch((error: Error) => ({ text: String(error.cause ?? error) }))
    return told([{ request: 'inside', text: `${answer.text} order-1 spiffe://x/mesh/order` }]).length >= 2
  },
})
