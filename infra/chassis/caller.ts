/** Who calls, as the narrow token says that the micro-gateway verified and handed over (design decision 11). */
import { problem } from './problem.ts'

export type Caller = {
  /** A user's id, 'guest:<uuid>', or a workload's SPIFFE id. */
  subject: string
  role: 'customer' | 'seller' | 'staff' | 'guest' | 'service'
  /** A seller's id, when the user sells. */
  seller?: string
  /** The workload that made this call. */
  actor: string
  /** The transaction that this call belongs to, from its first hop on. */
  txn: string
  /** The token itself: the subject token of calls made on behalf of this caller. */
  token: string
}

export const TokenRequired = problem('token-required', 401, 'This operation needs a token', 'Come through the gateway', 'TOKEN-INVALID')

const BEARER = /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/

/** Those of the last tokens: who comes once mostly comes again with the same. */
let known = new Map<string, Caller>()
const MOST_KNOWN = 256

/** Throws token-required. */
export function callerOf(authorization: string | undefined): Caller {
  if (authorization === undefined) throw TokenRequired()
  let caller = known.get(authorization)
  if (!caller) {
    if (known.size >= MOST_KNOWN) known = new Map()
    known.set(authorization, (caller = Object.freeze(read(authorization))))
  }
  return caller
}

/** Decodes, does not verify: the only peer of this socket is the micro-gateway, which did. */
function read(authorization: string): Caller {
  if (!BEARER.test(authorization)) throw TokenRequired()
  const token = authorization.slice('Bearer '.length)
  const at = token.indexOf('.') + 1
  let claims: Record<string, any>
  try {
    claims = JSON.parse(Buffer.from(token.slice(at, token.indexOf('.', at)), 'base64url').toString('utf8')) as Record<string, any>
  } catch (cause) {
    throw TokenRequired({ cause })
  }
  if (typeof claims['sub'] !== 'string' || typeof claims['role'] !== 'string' || typeof claims['act']?.sub !== 'string') throw TokenRequired()
  return {
    subject: claims['sub'],
    role: claims['role'] as Caller['role'],
    ...(typeof claims['seller'] === 'string' && { seller: claims['seller'] }),
    actor: (claims['act'].sub as string).slice((claims['act'].sub as string).lastIndexOf('/') + 1),
    txn: String(claims['txn'] ?? ''),
    token,
  }
}
