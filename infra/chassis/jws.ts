/**
 * Compact JWS with ES256 and nothing else, by node:crypto with cached keys: half the cost of a general library,
 * and no algorithm, key or critical header is ever chosen by the token.
 * @see https://www.rfc-editor.org/rfc/rfc7515#section-5.2
 * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.1 one algorithm, fixed by the verifier
 */
import { verify, type KeyObject } from 'node:crypto'

export type Jws = { kid: string; typ: string; claims: Record<string, unknown>; signed: Buffer; signature: Buffer }

const COMPACT = /^([\w-]{1,1024})\.([\w-]{1,8192})\.([\w-]{86})$/

/** Splits and decodes; null for anything but an ES256 token with a short `kid`, a `typ` and no `crit`. Verifies nothing. */
export function parseJws(token: string): Jws | null {
  const parts = COMPACT.exec(token)
  if (!parts) return null
  const header = decode(parts[1]!)
  const claims = decode(parts[2]!)
  if (!header || !claims || header['alg'] !== 'ES256' || 'crit' in header || 'b64' in header) return null
  const { kid, typ } = header
  if (typeof kid !== 'string' || kid.length > 128 || typeof typ !== 'string') return null
  return { kid, typ: typ.toLowerCase(), claims, signed: Buffer.from(`${parts[1]}.${parts[2]}`, 'latin1'), signature: Buffer.from(parts[3]!, 'base64url') }
}

export const isSignedBy = (jws: Jws, key: KeyObject): boolean =>
  verify('sha256', jws.signed, { key, dsaEncoding: 'ieee-p1363' }, jws.signature)

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function decode(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(UTF8.decode(Buffer.from(part, 'base64url')))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
