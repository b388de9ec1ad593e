/** Everything that is compared, up at once: the system's own processes, the bare programs, and the generator with its sessions. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, fetch } from 'undici'
import type { CatalogTold } from './bare/catalog.ts'
import type { HopTold } from './bare/hop.ts'
import type { ProxyTold } from './bare/proxy.ts'
import { startBare, startGenerator, type Generator } from './children.ts'
import { findNginx, startNginx } from './nginx.ts'
import type { Side } from './rounds.ts'
import { holdCatalog, readEndpoints, type Held } from './system.ts'

const PRODUCTS = 20
/** Requests of a visitor in a row, as a page and its parts are. */
const BURST = 4
/** The edge's spans leave it a second after the request. The bare chain gets the same: PostgreSQL works for others meanwhile. */
const SETTLE_MS = 1_200
/** More than the edge keeps tokens for, each used once. */
const COLD_SESSIONS = 6_000

export type Sides = {
  generate: Generator
  held: Held
  /** Starts what it needs at its first use. */
  side(name: SideName): Promise<Side>
  close(): Promise<void>
}
export type SideName = 'idiomatic' | 'tuned' | 'nginx' | 'bare' | 'system' | 'cold' | 'few'

export async function openSides(sessions: number): Promise<Sides> {
  const held = await holdCatalog()
  const endpoints = readEndpoints()
  const ca = readFileSync(endpoints.ca, 'utf8')
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const generate = startGenerator()
  const { paths, bodies } = await expected(endpoints.web.url, ca)

  const mesh = { key: held.key, certificate: held.certificate, roots: held.roots }
  const upstreamName = 'catalog'
  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => { let made: Promise<T> | undefined; return () => (made ??= make()) }
  const catalog = once(() => startBare('bare/catalog.ts', {
    socket: join(folder, 'catalog'),
    database: { ...endpoints.infrastructure.postgres, database: 'catalog', user: 'catalog', ssl: { ca: held.roots, key: held.dataKey, cert: held.dataCertificate, servername: `postgres.${held.trustDomain}` } },
  } satisfies CatalogTold, edge.service()[0]!))
  const hop = (tls: boolean) => once(async () => { await catalog(); return startBare('bare/hop.ts', { tls, ...mesh, socket: join(folder, 'catalog') } satisfies HopTold, edge.gateway()[0]!) })
  const [plainHop, tlsHop] = [hop(false), hop(true)]
  const proxy = async (style: ProxyTold['style'], upstream: string) => startBare('bare/proxy.ts', { style, ...mesh, upstream, upstreamName } satisfies ProxyTold, edge.edge()[0]!)

  const pidsOf = (names: string[]) => () => {
    const found = readEndpoints().processes.filter(({ name, kind, service }) => names.includes(name) || names.includes(`${service} ${kind}`)).map(({ pid }) => pid)
    if (found.length < names.length) throw new Error(`not all of ${names.join(', ')} run`)
    return found
  }
  const open = async (name: string, target: { origin: string; roots: string; serverName: string; cookies?: string[] }): Promise<string> => {
    await generate({ do: 'open', name, target: { cookies: [], ...target, paths, bodies } })
    return name
  }
  const edge = { edge: pidsOf(['edge']), gateway: pidsOf(['catalog micro-gateway']), service: pidsOf(['catalog service']) }
  const database = { postgres: pidsOf(['postgres']) }
  const issuing = { 'exchange, access, vault': pidsOf(['exchange', 'access', 'vault']) }

  async function system(name: SideName, count: number, burst: number): Promise<Side> {
    const target = { origin: new URL(endpoints.web.url).origin, roots: ca, serverName: 'localhost' }
    await open(name, target)
    const { cookies } = await generate({ do: 'sessions', target: name, path: '/api/session', count })
    return { name, target: await open(name, { ...target, cookies: cookies! }), burst, parts: { ...edge, ...database, ...issuing }, settleMs: SETTLE_MS, sent: 0 }
  }
  const bare = async (name: SideName, one: { pid: number; port: number }, more: Side['parts'] = {}): Promise<Side> =>
    ({ name, target: await open(name, { origin: `https://127.0.0.1:${one.port}`, roots: held.roots, serverName: 'catalog' }), burst: BURST, parts: { edge: () => [one.pid], ...more }, ...('postgres' in more && { settleMs: SETTLE_MS }), sent: 0 })
  const tlsOrigin = async () => `https://127.0.0.1:${(await tlsHop()).port}`

  const makers: Record<SideName, () => Promise<Side>> = {
    idiomatic: async () => bare('idiomatic', await proxy('idiomatic', await tlsOrigin())),
    tuned: async () => bare('tuned', await proxy('tuned', await tlsOrigin())),
    nginx: async () => bare('nginx', await startNginx(findNginx()!, await tlsOrigin(), upstreamName, held)),
    async bare() {
      const [first, middle, last] = [await proxy('tuned', `http://127.0.0.1:${(await plainHop()).port}`), await plainHop(), await catalog()]
      return bare('bare', first, { gateway: () => [middle.pid], service: () => [last.pid], ...database })
    },
    system: () => system('system', sessions, BURST),
    cold: () => system('cold', COLD_SESSIONS, 1),
    few: () => system('few', Math.min(200, sessions), BURST),
  }
  const made = new Map<SideName, Promise<Side>>()
  return {
    generate, held,
    side(name) {
      if (!made.has(name)) made.set(name, makers[name]())
      return made.get(name)!
    },
    async close() { rmSync(folder, { recursive: true, force: true }) },
  }
}

/** What each path must answer, as the system itself does: the bare side must give the same bytes. */
async function expected(web: string, ca: string): Promise<{ paths: string[]; bodies: string[] }> {
  const dispatcher = new Agent({ connect: { ca } })
  try {
    const get = async (path: string) => {
      const answer = await fetch(new URL(path, web), { dispatcher, headers: { accept: 'application/json' } })
      const text = await answer.text()
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`)
      return text
    }
    const { items } = JSON.parse(await get(`/api/products?pageSize=${PRODUCTS}`)) as { items: { id: string }[] }
    const paths = items.map(({ id }) => `/api/products/${id}`)
    const bodies: string[] = []
    // One after the other: a system that has just come up meets its first requests.
    for (const path of paths) bodies.push(await get(path))
    return { paths, bodies }
  } finally {
    await dispatcher.close()
  }
}
