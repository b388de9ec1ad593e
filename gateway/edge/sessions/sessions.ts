/**
 * Sessions of the web door: the browser holds a handle, the database a sealed row under the handle's hash (S10.1).
 *
 * Rows are read from the database for every unsafe request. Reads use a copy of up to a minute while this process hears of
 * every change of a session, whoever makes it; of at most a second while it does not (docs/decisions/0020). Its own changes
 * it knows anyway, so logout is immediate here in either case.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Logger } from '@shop/chassis/log.ts'
import type { Store, Tx } from '@shop/chassis/store.ts'
import type { EdgeCall } from '../call.ts'
import { SessionEnded, SessionInvalid } from '../problems.ts'
import { createCopies } from './copies.ts'
import { createFind } from './find.ts'
import { csrfTokenOf, hashOf, isGenuine, newHandle, readSessionCookie, type SessionKeys } from './handle.ts'
import { seal, unseal } from './seal.ts'
import { createTouches } from './touches.ts'

export type User = { sub: string; name: string; role: 'customer' | 'seller' | 'staff'; seller?: string }
export type Tokens = { access: string; refresh?: string; id: string; /** ms since 1970 */ expiresAt: number }
/** A sign-in under way: what its answer must fit. */
export type PendingSignIn = { state: string; nonce: string; verifier: string; returnTo: string; startedAt: number }
export type SessionData = {
  /** Names the visitor's cart until they sign in. */
  guestId: string
  user?: User
  tokens?: Tokens
  signIns?: PendingSignIn[]
  /** A visitor's cart that still has to be merged into the user's. */
  mergeGuest?: string
}
export type OpenSession = { handle: string; hash: Buffer; data: SessionData; /** ms since 1970; it ends then whatever happens. */ endsAt: number }

export type Sessions = {
  /** Sets `call.session` from the cookie. Throws session-invalid, cookie-repeated; session-ended where something is to be changed. */
  open(call: EdgeCall): void | Promise<void>
  /** The session of the call; a visitor gets a new one. */
  begin(call: EdgeCall): Promise<OpenSession>
  /** Changes the data while the row is locked: two changes never lose one, and what is removed is removed once. Throws session-ended. */
  update(session: OpenSession, change: (data: SessionData) => SessionData | Promise<SessionData>): Promise<void>
  /** Starts a session with `data` and ends the call's old one in the same transaction: no handle from before a sign-in is good after it. */
  rotate(call: EdgeCall, data: SessionData): Promise<OpenSession>
  end(call: EdgeCall): Promise<void>
  csrfToken(session: OpenSession): string
  /** False once it has ended anywhere; asks the database. */
  isAlive(session: OpenSession): Promise<boolean>
  sweep(): Promise<void>
  /** Ends the listening, and notes who was there. */
  close(): Promise<void>
}

export type SessionLimits = { idleMinutes: number; absoluteMinutes: number; guestIdleMinutes: number }

const TOUCH_SECONDS = 60
/** Where the database tells of changes: migrations/0002_session_changes.sql. */
const CHANNEL = 'sessions'
/** Until its cookie comes back once, a visitor's session is kept no longer than this: who ignores cookies fills no table. */
const UNPROVEN_SECONDS = 1_800

/** How a sealed row is opened; throws when it is not the one that was sealed here. */
export type Unseal = typeof unseal

/** `locks`: connections that may wait for each other, and for the identity provider, without keeping readers waiting. */
export function createSessions(
  { store, locks, keys, cookieName, limits, now, log, unseal: openSealed = unseal }: { store: Store; locks: Store; keys: SessionKeys; cookieName: string; limits: SessionLimits; now: () => number; log: Pick<Logger, 'warn'>; unseal?: Unseal }): Sessions {
  const copies = createCopies(now, () => hearing.isHearing())
  const hearing = store.hear(CHANNEL, { onNotify: (row) => row ? copies.dropRow(row) : copies.dropAll(), onConnect: copies.dropAll })
  const find = createFind(store)
  const touches = createTouches(store, (err) => log.warn({ err }, 'sessions in use were not noted; they will be when they are read again'))
  const idleSeconds = (data: SessionData) => 60 * (data.user ? limits.idleMinutes : limits.guestIdleMinutes)
  const setCookie = (call: EdgeCall, value: string, more = '') => { call.cookies = [`${cookieName}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax${more}`] }

  /** A row that does not open was changed or moved by someone who writes to the store: whoever holds its handle is nobody. */
  function opened(hash: Buffer, sealed: Buffer): SessionData {
    try {
      return openSealed<SessionData>(keys.seal, hash, sealed)
    } catch (cause) {
      throw SessionInvalid({ evidence: { reason: 'the stored session does not open' }, cause })
    }
  }

  async function insert(tx: Tx, call: EdgeCall, data: SessionData): Promise<OpenSession> {
    const handle = newHandle(keys, randomBytes)
    const hash = hashOf(handle)
    const lifeSeconds = 60 * (data.user ? limits.absoluteMinutes : Math.max(limits.absoluteMinutes, limits.guestIdleMinutes))
    await tx.query(`insert into sessions (hash, sealed, expires_at, ends_at) values ($1, $2, now() + make_interval(secs => $3), now() + make_interval(secs => $4))`,
      [hash, seal(keys.seal, hash, data), Math.min(data.user ? idleSeconds(data) : UNPROVEN_SECONDS, lifeSeconds), lifeSeconds])
    setCookie(call, handle)
    return (call.session = { handle, hash, data, endsAt: now() + lifeSeconds * 1_000 })
  }

  async function load(handle: string): Promise<OpenSession | null> {
    const hash = hashOf(handle)
    const changes = copies.changes(), readAt = now()
    const row = await find(hash)
    if (!row) return null
    const session = { handle, hash, data: opened(hash, row.sealed), endsAt: row.ends_at.getTime() }
    const idle = idleSeconds(session.data)
    const touch = Math.min(TOUCH_SECONDS, idle / 2), untilTouch = row.idle - idle + touch
    if (untilTouch < 0) await touches.touch(hash, idle, row.idle)
    // A copy serves until the row is to be touched, so what is in use is touched in time.
    copies.keep(session, { readAt, until: readAt + 1_000 * (untilTouch < 0 ? touch : untilTouch), changes })
    return session
  }

  async function openFromStore(call: EdgeCall, handle: string): Promise<void> {
    const isGood = isGenuine(keys, handle)
    const session = isGood ? await load(handle) : null
    if (session && now() < session.endsAt) {
      call.session = session
      return
    }
    setCookie(call, '', '; Max-Age=0')
    if (!isGood) throw SessionInvalid()
    if (call.method !== 'GET') throw SessionEnded()
  }

  return {
    open(call) {
      const handle = readSessionCookie(call.header('cookie'), cookieName)
      if (handle === undefined) return
      const kept = call.method === 'GET' ? copies.of(handle) : undefined
      if (kept) call.session = kept
      else return openFromStore(call, handle)
    },
    begin: async (call) => call.session ?? insert(store, call, { guestId: randomUUID() }),
    async update(session, change) {
      await locks.transaction(async (tx) => {
        const { rows } = await tx.query<{ sealed: Buffer }>('select sealed from sessions where hash = $1 and expires_at > now() and ends_at > now() for update', [session.hash])
        if (!rows[0]) throw SessionEnded()
        const data = await change(opened(session.hash, rows[0].sealed))
        await tx.query('update sessions set sealed = $2 where hash = $1', [session.hash, seal(keys.seal, session.hash, data)])
        session.data = data
      }).finally(() => copies.drop(session))
    },
    async rotate(call, data) {
      const old = call.session
      return store.transaction(async (tx) => {
        if (old) await tx.query('delete from sessions where hash = $1', [old.hash])
        return insert(tx, call, data)
      }).finally(() => old && copies.drop(old))
    },
    async end(call) {
      if (!call.session) return
      copies.drop(call.session)
      await store.query('delete from sessions where hash = $1', [call.session.hash])
      copies.drop(call.session)
      delete call.session
      setCookie(call, '', '; Max-Age=0')
    },
    csrfToken: (session) => csrfTokenOf(keys, session.handle),
    isAlive: async ({ hash }) => (await store.query('select 1 from sessions where hash = $1 and expires_at > now() and ends_at > now()', [hash])).rows.length === 1,
    sweep: async () => void (await store.query('delete from sessions where expires_at < now() or ends_at < now()')),
    async close() {
      await Promise.all([hearing.stop(), touches.close()])
    },
  }
}
