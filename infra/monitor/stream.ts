/**
 * Events as they come, by server-sent events. Each reader has a place in the store, not a buffer: a slow one costs
 * nothing, and one that comes back with Last-Event-ID misses nothing.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Logger } from '@shop/chassis/log.ts'
import { problem } from '@shop/chassis/problem.ts'
import type { EventFilter, EventStore } from './event-store.ts'

export const StreamsFull = problem('streams-full', 503, 'Too many readers follow the events already', 'Close one, or poll /events')

const MAX_READERS = 32
/** Also how long a reader waits at most when the database's own call was lost. */
const HEARTBEAT_MS = 5_000
const PAGE = 200

export type Streams = {
  /** There may be something new. */
  wake(): void
  /** Throws streams-full. `after`: a cursor; undefined begins now. */
  open(res: ServerResponse, after: bigint | undefined, filter: EventFilter): Promise<void>
  count(): number
  close(): void
}

export function createStreams(events: EventStore, log: Logger): Streams {
  const readers = new Map<ServerResponse, () => void>()

  async function open(res: ServerResponse, after: bigint | undefined, filter: EventFilter): Promise<void> {
    if (readers.size >= MAX_READERS) throw StreamsFull()
    let isRunning = false
    let isWoken = false
    // The place is taken before the first await, so that readers who come at once are counted.
    readers.set(res, () => { isWoken = true })
    res.on('close', () => readers.delete(res))
    let cursor: bigint
    try {
      cursor = after ?? (await events.latest())
    } catch (error) {
      readers.delete(res)
      throw error
    }
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    res.write(`: from ${cursor}\n\n`)
    const pump = () => {
      isWoken = true
      if (isRunning) return
      isRunning = true
      run().catch((error: unknown) => {
        log.warn({ err: error }, 'a stream ended')
        res.destroy() // the reader comes back with Last-Event-ID
      }).finally(() => { isRunning = false })
    }
    async function run(): Promise<void> {
      while (isWoken && !res.destroyed) {
        isWoken = false
        const page = await events.list({ cursor }, filter, PAGE)
        cursor = BigInt(page.cursor)
        if (page.events.length === PAGE) isWoken = true
        const text = page.events.map((event) => `id: ${event.sequence}\nevent: security\ndata: ${JSON.stringify(event)}\n\n`).join('')
        if (text && !res.write(text)) await Promise.race([once(res, 'drain'), once(res, 'close')])
      }
    }
    const heartbeat = setInterval(() => {
      if (!res.writableNeedDrain) res.write(':\n\n')
      pump()
    }, HEARTBEAT_MS).unref()
    res.on('close', () => clearInterval(heartbeat))
    readers.set(res, pump)
    pump()
  }
  return {
    wake: () => { for (const pump of readers.values()) pump() },
    open,
    count: () => readers.size,
    close: () => { for (const res of readers.keys()) res.end() },
  }
}
