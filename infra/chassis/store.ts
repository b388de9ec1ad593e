/**
 * One workload's PostgreSQL database: TLS 1.3 with the data certificate, no password anywhere (S4.2, A6).
 *
 * A renewed certificate reaches every new connection; connections end well before the certificate that opened them.
 */
import pg from 'pg'
import { z } from 'zod'
import { listenOn, type Hearing, type Listener } from './listen.ts'
import { Statement } from './statement.ts'
import { dataClientTls } from './tls.ts'
import type { WorkloadIdentity } from './identity.ts'
import type { Logger } from './log.ts'
import { Problem, Unavailable } from './problem.ts'

export const databaseSchema = z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535), database: z.string(), user: z.string() })
export type Database = z.infer<typeof databaseSchema>

export type Rows<R> = { rows: R[]; rowCount: number | null }
/** Where statements run: a pool (each on its own) or one transaction. */
export type Tx = { query<R = any>(text: string, values?: unknown[]): Promise<Rows<R>> }
export type Store = Tx & {
  /** Commits when `work` returns, rolls back when it throws. Serialization failures and deadlocks are repeated up to three times. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** A connection of its own that listens and reconnects by itself; then `onNotify` is called once, because something may have been missed. */
  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>>
  /** The same, for who must know whether everything is heard. */
  hear(channel: string, listener: Listener): Hearing
  close(): Promise<void>
}

const CONNECTION_SECONDS = 1_800
const REPEATABLE = new Set(['40001', '40P01'])
/** Out of connections, memory or disk, or too long in a queue for a row (statement_timeout; deadlocks beyond repeating): the connection is good, and the request not at fault. */
const isBusy = ({ code }: { code?: string }) => /^53/.test(code ?? '') || code === '57014' || REPEATABLE.has(code ?? '')
/** Class 08, admin shutdown, start-up, or a broken socket: the database is away, the request is not at fault. */
const isAway = (error: { code?: string; message?: string }) =>
  /^(08|57P0)/.test(error.code ?? '') || ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', '25P03'].includes(error.code ?? '') || /Connection terminated|is not queryable|timeout exceeded when trying to connect/.test(error.message ?? '')

export function createStore(database: Database, identity: WorkloadIdentity, log: Logger, options: { connections?: number } = {}): Store {
  const tls = () => dataClientTls(identity, `postgres.${identity.trustDomain}`)
  return createStoreOn({ ...database, get ssl() { return tls() } }, log, options.connections ?? 6)
}

/** The same over any pg configuration: tests hand in their own server's. */
export function createStoreOn(config: pg.PoolConfig, log: Logger, connections = 4): Store {
  const pool = new pg.Pool({ ...describe(config), max: connections, connectionTimeoutMillis: 5_000, idleTimeoutMillis: 30_000, maxLifetimeSeconds: CONNECTION_SECONDS, statement_timeout: 10_000, idle_in_transaction_session_timeout: 15_000 })
  // `ssl` is a getter, so that each new connection reads the certificate of that moment.
  const ssl = Object.getOwnPropertyDescriptor(config, 'ssl')
  if (ssl) Object.defineProperty((pool as unknown as { options: object }).options, 'ssl', { ...ssl, enumerable: true, configurable: true })
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection ended'))
  const known = (error: any): Error => (isAway(error) || isBusy(error) ? Unavailable({ cause: error }) : error)
  const rethrow = (error: any): never => {
    throw known(error)
  }
  return {
    query: (text, values) => new Promise<Rows<any>>((resolve, reject) => {
      void pool.query(queryOf(text, values), (error, result) => { if (error) reject(known(error)); else resolve(result) })
    }),
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        const client = await pool.connect().catch(rethrow)
        let broken: Error | undefined
        // A client that loses its server emits 'error'; unheard, it would end the process.
        const onError = (error: Error) => { broken = error }
        client.on('error', onError)
        try {
          await client.query('begin')
          const result = await work(client as unknown as Tx)
          await client.query('commit')
          return result
        } catch (error: any) {
          // Once the connection is gone, whatever pg says next is that.
          const isLost = broken !== undefined && !(error instanceof Problem)
          await client.query('rollback').catch((e: Error) => { broken = e })
          if (REPEATABLE.has(error?.code) && attempt < 4) continue
          if (isLost) throw Unavailable({ cause: error })
          if (isAway(error ?? {})) broken = error
          return rethrow(error)
        } finally {
          client.off('error', onError)
          client.release(broken)
        }
      }
    },
    async listen(channel, onNotify) {
      let isFirst = true
      let stop = async () => {}
      await new Promise<void>((resolve) => {
        const onConnect = () => isFirst ? resolve(void (isFirst = false)) : onNotify('')
        stop = listenOn(() => describe(config), log, channel, { onNotify, onConnect }, { isProven: false }).stop
      })
      return () => stop()
    },
    hear: (channel, listener) => listenOn(() => describe(config), log, channel, listener, { isProven: true }),
    close: () => pool.end(),
  }
}

/** Names a statement with parameters, so that each connection plans it once. Texts are constants of the code; the bound is for one that is not. */
const names = new Map<string, string>()
const MOST_NAMES = 200
function nameOf(text: string): string | undefined {
  let name = names.get(text)
  if (name === undefined && names.size < MOST_NAMES) names.set(text, (name = `s${names.size}`))
  return name
}

/** A query object also of a text without parameters: of a plain one pg would copy every descriptor. */
function queryOf(text: string, values: unknown[] | undefined): pg.QueryConfig {
  const name = values && nameOf(text)
  return (name === undefined ? new pg.Query(text, values) : new Statement(name, text, values!)) as unknown as pg.QueryConfig
}

/** A plain copy: pg must see the `ssl` of now, not a getter it may freeze. */
const describe = (config: pg.PoolConfig): pg.PoolConfig => ({ ...config })
