/**
 * Notes that sessions are in use, those of a moment in one statement (S10.1): that somebody is still there is nothing
 * that their request should wait for. What a killed process did not write is written at the session's next read.
 */
import type { Tx } from '@shop/chassis/store.ts'

const EVERY_MS = 250
const MOST = 1_000
/** Who is that close to the end of their time is not made to hope. */
const AT_ONCE_SECONDS = 5

export type Touches = {
  /** Moves the idle end to `idleSeconds` from now; `leftSeconds` were left. */
  touch(hash: Buffer, idleSeconds: number, leftSeconds: number): void | Promise<void>
  /** Writes what waits. */
  close(): Promise<void>
}

export function createTouches(store: Tx, failed: (error: unknown) => void): Touches {
  let waiting = new Map<string, { hash: Buffer; idleSeconds: number }>()
  let timer: NodeJS.Timeout | undefined

  async function write(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    // In one order everywhere: two edges that touch the same rows do not wait for each other in turn.
    const all = [...waiting.values()].sort((a, b) => a.hash.compare(b.hash))
    waiting = new Map()
    if (all.length === 0) return
    await store.query(
      `update sessions s set expires_at = least(s.ends_at, now() + make_interval(secs => t.idle))
       from unnest($1::bytea[], $2::float8[]) as t (hash, idle) where s.hash = t.hash and s.expires_at > now()`, [all.map(({ hash }) => hash), all.map(({ idleSeconds }) => idleSeconds)]).catch(failed)
  }

  return {
    touch(hash, idleSeconds, leftSeconds) {
      waiting.set(hash.toString('base64'), { hash, idleSeconds })
      if (leftSeconds < AT_ONCE_SECONDS || waiting.size >= MOST) return write()
      timer ??= setTimeout(() => void write(), EVERY_MS).unref()
    },
    close: write,
  }
}
