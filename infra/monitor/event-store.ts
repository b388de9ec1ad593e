/** Events in PostgreSQL: kept once by id, read in the order of their commit. */
import type { SecurityEvent } from '@shop/chassis/security-event.ts'
import type { Store } from '@shop/chassis/store.ts'

/** `producer`, `receivedAt` and `sequence` (its cursor) are the monitor's own words. */
type KeptEvent = SecurityEvent & { producer: string; receivedAt: string; sequence: string }
export type EventFilter = { strategy?: string; traceId?: string; detection?: string }
/** After a cursor (a number), or received at a time or later. */
export type Since = { cursor: bigint } | { time: Date }
/** `cursor` is the next `since`: past all that was looked at, also what the filter left out. */
type EventPage = { events: KeptEvent[]; cursor: string }

export const EVENTS_CHANNEL = 'events'

export type EventStore = {
  /** How many were new. */
  keep(producer: string, events: SecurityEvent[]): Promise<number>
  list(since: Since, filter: EventFilter, limit: number): Promise<EventPage>
  /** The cursor of now. */
  latest(): Promise<bigint>
  /** Makes tomorrow's partition, drops those older than 14 days. */
  tend(): Promise<void>
}

export function createEventStore(store: Store): EventStore {
  return {
    async keep(producer, events) {
      if (events.length === 0) return 0
      return store.transaction(async (tx) => {
        // Writers take turns, so that a reader who saw number n never misses a smaller one.
        await tx.query('select pg_advisory_xact_lock(hashtext($1))', [EVENTS_CHANNEL])
        const { rowCount } = await tx.query(
          `insert into events (id, producer, event)
           select (e->>'id')::uuid, $1, e from jsonb_array_elements($2::jsonb) with ordinality as given(e, n)
           where not exists (select from events k where k.id = (e->>'id')::uuid and k.day = (now() at time zone 'utc')::date - 1)
           order by n
           on conflict do nothing`, [producer, JSON.stringify(events)])
        await tx.query('select pg_notify($1, \'\')', [EVENTS_CHANNEL])
        return rowCount ?? 0
      })
    },
    async list(since, filter, limit) {
      const { rows } = await store.query<{ top: string; seq: string | null; producer: string; received_at: Date; event: SecurityEvent }>(
        `with top as (select coalesce(max(seq), 0) as top from events),
              hit as (select seq, producer, received_at, event from events
                      where seq > $1 and ($2::timestamptz is null or received_at >= $2)
                        and ($3::text is null or event #> '{data,strategies}' ? $3)
                        and ($4::text is null or event #>> '{data,traceId}' = $4)
                        and ($5::text is null or event #>> '{data,detection}' = $5)
                      order by seq limit $6)
         select top.top, hit.* from top left join hit on true order by seq`,
        ['cursor' in since ? since.cursor : 0, 'time' in since ? since.time : null, filter.strategy ?? null, filter.traceId ?? null, filter.detection ?? null, limit])
      const found = rows.filter((row) => row.seq !== null)
      // A full page ends at its last event; otherwise everything up to now was looked at.
      const end = found.length === limit ? found.at(-1)!.seq! : rows[0]!.top
      const floor = 'cursor' in since ? since.cursor : 0n
      return {
        events: found.map(({ event, producer, received_at, seq }) => ({ ...event, producer, receivedAt: received_at.toISOString(), sequence: seq! })),
        cursor: String(BigInt(end) > floor ? BigInt(end) : floor),
      }
    },
    async latest() {
      return BigInt((await store.query<{ top: string }>('select coalesce(max(seq), 0) as top from events')).rows[0]!.top)
    },
    async tend() {
      await store.query('select tend_event_days()')
    },
  }
}
