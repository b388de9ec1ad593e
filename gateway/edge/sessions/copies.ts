/** Copies of opened sessions, for reads (S10.1): as old as the listening to changes allows, and never older than the session itself. */
import { makeRoom } from '@shop/chassis/make-room.ts'
import type { OpenSession } from './sessions.ts'

/** While every change of a session is heard the moment it happens. */
const HEARD_MS = 60_000
/** While changes may go unheard. */
const UNHEARD_MS = 1_000
const MOST = 5_000

type Copy = { session: OpenSession; readAt: number; until: number }
export type Copies = {
  /** By its handle, which is genuine when there is a copy: others were never read. */
  of(handle: string): OpenSession | undefined
  /** Keeps what was read at `readAt`, until `until` at most; not when something changed since `changes` was as given. */
  keep(session: OpenSession, times: { readAt: number; until: number; changes: number }): void
  /** Counts what was dropped: a row read meanwhile may be one of it. */
  changes(): number
  drop(session: OpenSession): void
  /** By the hash of its row, base64. */
  dropRow(row: string): void
  dropAll(): void
}

export function createCopies(now: () => number, isHearing: () => boolean): Copies {
  const copies = new Map<string, Copy>()
  const handles = new Map<string, string>()
  let changes = 0
  const remove = (row: string) => {
    const handle = handles.get(row)
    if (handle === undefined) return
    handles.delete(row)
    copies.delete(handle)
  }
  const dropRow = (row: string) => { changes++; remove(row) }
  return {
    of(handle) {
      const copy = copies.get(handle)
      if (!copy) return undefined
      const at = now(), age = at - copy.readAt
      // A clock that was set back knows no age.
      const isFresh = age >= 0 && (age < UNHEARD_MS || (age < HEARD_MS && isHearing()))
      return isFresh && at < copy.until && at < copy.session.endsAt ? copy.session : undefined
    },
    keep(session, { readAt, until, changes: before }) {
      if (before !== changes) return
      const row = session.hash.toString('base64')
      remove(row)
      makeRoom(handles, MOST, remove)
      handles.set(row, session.handle)
      copies.set(session.handle, { session, readAt, until })
    },
    changes: () => changes,
    drop: (session) => dropRow(session.hash.toString('base64')),
    dropRow,
    dropAll() {
      changes++
      copies.clear()
      handles.clear()
    },
  }
}
