/** The one thing that can be asked here: who answers for a service that the caller may call (S3.4). All else does not exist. */
import { problem } from '@shop/chassis/problem.ts'

export const RegistryDenied = problem('registry-denied', 403, 'The registry answers only for services that policy lets you call', 'GET /v1/health/service/<name>?passing=true', 'REGISTRY-DENY')

/** What Consul is asked. `waitSeconds`: so long it may wait before it answers; 0: it answers at once. */
export type Question = { method: string; /** And query, of our own making. */ path: string; body?: Buffer; waitSeconds: number; token: string }

const PATH = /^\/v1\/health\/service\/([a-z][a-z0-9-]{0,62})$/
const TOKEN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const MAX_WAIT_SECONDS = 30

/** `names` is what the caller may look up. Each parameter stands at most once; a token in the query string is none. */
export function readLookup({ method, url, token }: { method: string | undefined; url: string | undefined; token: string | string[] | undefined }, names: readonly string[]): Question {
  const refused = (reason: string) => RegistryDenied({ evidence: { reason } })
  const [path = '', query = '', ...more] = (url ?? '').split('?')
  const name = PATH.exec(path)?.[1]
  if (method !== 'GET' || !name || more.length) throw refused(`${method} ${path.slice(0, 100)}`)
  if (!names.includes(name)) throw refused(`service ${name}`)
  const parameters = new Map<string, string>()
  for (const [key, value] of new URLSearchParams(query)) {
    if (parameters.has(key) || !['passing', 'index', 'wait'].includes(key)) throw refused(`parameter ${key.slice(0, 32)}`)
    parameters.set(key, value)
  }
  const { passing, index = '0', wait = '0s' } = Object.fromEntries(parameters)
  if (passing !== 'true') throw refused('only passing instances are shown')
  if (!/^\d{1,15}$/.test(index) || !/^\d{1,2}s$/.test(wait)) throw refused('index or wait')
  if (typeof token !== 'string' || !TOKEN.test(token)) throw refused('no token in X-Consul-Token')
  const waitSeconds = Math.min(MAX_WAIT_SECONDS, Number.parseInt(wait, 10))
  return { method, path: `/v1/health/service/${name}?passing=true&index=${Number(index)}&wait=${waitSeconds}s`, waitSeconds, token }
}
