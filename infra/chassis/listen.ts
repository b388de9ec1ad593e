/** Hears what PostgreSQL notifies, on a connection of its own, and knows whether it hears. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from './log.ts'

export type Listener = {
  onNotify(payload: string): void
  /** A connection begins to listen: what was notified before was not heard on it. Called before `isHearing` says yes. */
  onConnect(): void
}
export type Hearing = {
  /**
   * While it says yes, everything notified until `HEARING_MS` ago was handed to `onNotify`. Sure is only what a round trip proves:
   * the server sends what was notified before it answers. So no once the last round trip that succeeded began that long ago.
   */
  isHearing(): boolean
  stop(): Promise<void>
}

/** How late a connection that broke without a word may be noticed. */
export const HEARING_MS = 1_000
const BEAT_MS = 300
const RETRY_MS = 500
/** As long as others live: connections end well before the certificate that opened them. */
const CONNECTION_MS = 1_800_000

/** `config` is asked for each connection. Without `isProven` nothing asks the server whether it is still there, and `isHearing` says no. */
export function listenOn(config: () => pg.ClientConfig, log: Logger, channel: string, { onNotify, onConnect }: Listener, { isProven }: { isProven: boolean }): Hearing {
  let heardUntil = 0
  let client: pg.Client | undefined
  const stopping = new AbortController()

  /** Returns when the connection is over; sees to it that one which does not answer is. */
  async function prove(connection: pg.Client, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const askedAt = performance.now()
      const silence = setTimeout(() => { log.warn('the listening connection does not answer'); void connection.end() }, HEARING_MS)
      await connection.query('select 1').finally(() => clearTimeout(silence))
      if (over.aborted) return
      heardUntil = askedAt + HEARING_MS
      await sleep(BEAT_MS, undefined, { ref: false, signal: over }).catch(() => {})
    }
  }

  /** Returns when a connection that listened has ended. */
  async function hear(): Promise<void> {
    const connection = (client = new pg.Client({ ...config(), connectionTimeoutMillis: 5_000 }))
    const over = new AbortController()
    const ended = once(over.signal, 'abort')
    const end = () => { heardUntil = 0; over.abort() }
    connection.on('end', end).on('error', (error) => { log.warn({ err: error }, 'the listening connection ended'); end() })
    connection.on('notification', (message) => onNotify(message.payload ?? ''))
    const expiry = setTimeout(() => void connection.end(), CONNECTION_MS).unref()
    try {
      await connection.connect()
      await connection.query(`listen ${pg.escapeIdentifier(channel)}`)
      onConnect()
      if (isProven) await prove(connection, over.signal)
      await ended
    } finally {
      clearTimeout(expiry)
      end()
      void connection.end().catch(() => {})
    }
  }

  void (async () => {
    while (!stopping.signal.aborted)
      await hear().catch(async (error: unknown) => {
        if (stopping.signal.aborted) return
        log.warn({ err: error }, 'cannot listen to the database yet')
        await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {})
      })
  })()
  return {
    isHearing: () => performance.now() < heardUntil,
    async stop() {
      stopping.abort()
      heardUntil = 0
      await Promise.race([client?.end().catch(() => {}), sleep(HEARING_MS, undefined, { ref: false })])
    },
  }
}
