/** The session cookie: an opaque handle with a MAC, sent exactly once under exactly one name (S1.2, S10.1). */
import { createHmac, hash, hkdfSync, timingSafeEqual } from 'node:crypto'
import { CookieRepeated } from '../problems.ts'

const SECRET_BYTES = 32
const MAC_BYTES = 16
const LENGTH = ((SECRET_BYTES + MAC_BYTES) * 4) / 3

export type SessionKeys = { handle: Buffer; seal: Buffer; csrf: Buffer }

/** Three keys for three uses, from the one secret (32 bytes, base64url). */
export function sessionKeys(secret: string): SessionKeys {
  const material = Buffer.from(secret, 'base64url')
  if (material.length !== 32) throw new Error('sessionKey must be 32 bytes, base64url')
  const derive = (use: string) => Buffer.from(hkdfSync('sha256', material, '', `session ${use}`, 32))
  return { handle: derive('handle'), seal: derive('seal'), csrf: derive('csrf') }
}

/** 256 random bits and a MAC: a guess or a flipped bit is known as forged without asking the database. */
export function newHandle(keys: SessionKeys, random: (bytes: number) => Buffer): string {
  const secret = random(SECRET_BYTES)
  return Buffer.concat([secret, macOf(keys, secret)]).toString('base64url')
}

export function isGenuine(keys: SessionKeys, handle: string): boolean {
  const bytes = Buffer.from(handle, 'base64url')
  if (handle.length !== LENGTH || bytes.toString('base64url') !== handle) return false
  return timingSafeEqual(macOf(keys, bytes.subarray(0, SECRET_BYTES)), bytes.subarray(SECRET_BYTES))
}

const macOf = (keys: SessionKeys, secret: Buffer) => createHmac('sha256', keys.handle).update(secret).digest().subarray(0, MAC_BYTES)

/** What the store knows a handle by. */
export const hashOf = (handle: string): Buffer => hash('sha256', handle, 'buffer')

/** Proves that a request was made by a page of this session: nothing to store, nothing that reveals the handle. */
export const csrfTokenOf = (keys: SessionKeys, handle: string): string => createHmac('sha256', keys.csrf).update(handle).digest('base64url')

export const sessionCookieName = (names: { cookiePrefix: string; checkout: string }): string => `__Host-${names.cookiePrefix}-${names.checkout}-session`

/**
 * The handle in a Cookie header, undefined without one. Throws cookie-repeated when the cookie stands twice or beside a
 * look-alike that some other reader would take for it: other case, quotes, spaces of any kind, `$` prefix.
 */
export function readSessionCookie(header: string | undefined, name: string): string | undefined {
  if (!header) return undefined
  let found: string | undefined
  let look: string | undefined
  for (const part of header.split(';')) {
    const pair = withoutBlanks(part)
    const at = pair.indexOf('=')
    const given = at < 0 ? pair : pair.slice(0, at)
    if (given === name) {
      if (found !== undefined || at < 0) throw CookieRepeated()
      found = pair.slice(at + 1)
    } else if (folded(given) === (look ??= folded(name))) throw CookieRepeated({ evidence: { reason: 'look-alike' } })
  }
  return found
}

function withoutBlanks(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}
const isBlank = (code: number) => code === 0x20 || code === 0x09

/** What every reader might take a name for. Nearly all names are ASCII, of which Unicode knows no other form. */
const folded = (name: string) => (ASCII.test(name) ? name : Buffer.from(name, 'latin1').toString('utf8').normalize('NFKC')).toLowerCase().replace(/[^a-z0-9_-]/g, '')
const ASCII = /^[\0-\x7f]*$/
