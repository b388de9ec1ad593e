/**
 * How often the system's caches answered, by what it tells anyway.
 *
 * Sessions: each miss fetches one row by its index in the edge's database, which counts them; so does noting that a
 * session is in use, and what a new connection looks up, so these are the fewest hits that there can be. Tokens: a sampled
 * request's span says how long its narrow token took; from the cache it is there within microseconds, from the exchange it
 * takes milliseconds. Each new token is verified once by the callee's gateway, so that its cache of verified tokens misses
 * as often.
 */
import pg from 'pg'
import { Agent, fetch } from 'undici'
import { readFileSync } from 'node:fs'
import type { Endpoints, Held } from './system.ts'

const KEPT_MS = 0.3
const TRACES_A_SLICE = 30

export type Caches = { sessionHits: number; tokenHits: number; tracesRead: number }

export async function watchCaches(endpoints: Endpoints, held: Held) {
  const { host, port } = endpoints.infrastructure.postgres
  const database = new pg.Client({ host, port, database: 'catalog', user: 'catalog', ssl: { ca: held.roots, key: held.dataKey, cert: held.dataCertificate, servername: `postgres.${held.trustDomain}` } })
  await database.connect()
  const dispatcher = new Agent({ connect: { ca: readFileSync(endpoints.ca, 'utf8') } })
  const ask = async (path: string): Promise<any> => (await fetch(new URL(path, endpoints.dashboard.url), { dispatcher, headers: { authorization: `Bearer ${endpoints.dashboard.testerToken}` } })).json()
  const fetched = async () => Number((await database.query(`select tup_fetched from pg_stat_database where datname = 'edge'`)).rows[0].tup_fetched)

  let kept = 0, traces = 0, requests = 0
  let before = await fetched()
  return {
    /** What came before does not count. */
    async begin() { [kept, traces, requests, before] = [0, 0, 0, await fetched()] },
    /** After a slice that began at `since`. */
    async look(since: Date, sliceRequests: number): Promise<void> {
      requests += sliceRequests
      const { traces: heads } = await ask(`/traces?since=${since.toISOString()}&limit=${TRACES_A_SLICE}`)
      for (const { traceId } of heads) {
        const { spans } = await ask(`/traces/${traceId}`)
        const ms = spans.find((span: any) => span.producer === 'edge' && span.kind === 'client')?.attributes['shop.token_ms']
        if (typeof ms !== 'number') continue
        traces++
        if (ms < KEPT_MS) kept++
      }
    },
    async read(): Promise<Caches> {
      return { sessionHits: share(1 - (await fetched() - before) / requests), tokenHits: share(kept / traces), tracesRead: traces }
    },
    async close() {
      await Promise.all([database.end(), dispatcher.close()])
    },
  }
}

const share = (value: number) => Math.round(Math.max(0, value) * 1_000) / 1_000
