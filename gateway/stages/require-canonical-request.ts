import { canonicalSegments } from '@shop/chassis/operation.ts'
import { PathMalformed, type FieldError } from '@shop/chassis/problem.ts'
import type { EdgeCall } from '../edge/call.ts'
import { FramingInvalid, HeadersTooLarge, HeaderUnexpected, HostUnknown, QueryMalformed } from '../edge/problems.ts'
import type { Stage } from '../pipeline.ts'

const MAX_HEADERS = 64
const MAX_TARGET = 4_096

/** Lists by definition, or sent by middleboxes and read by nobody here: may stand more than once. */
const REPEATABLE = new Set(['accept', 'accept-language', 'accept-encoding', 'cache-control', 'forwarded', 'pragma', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])
/** Ours, inside: from outside they can only be an attempt. */
const INTERNAL = new Set(['deadline-ms', 'client-cert', 'client-cert-chain', 'x-consul-token', 'x-user', 'x-user-id', 'x-role', 'x-subject'])

/**
 * Refuses what two readers could read in two ways: target, host, framing, headers (S5.1, S12.2).
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-11.2 request smuggling; RFC 9110 §7.4 misdirected requests
 */
export const requireCanonicalRequest = (): Stage<EdgeCall> => async (call, next) => {
  const { request } = call
  const raw = request.rawHeaders
  if (request.httpVersion !== '1.1') throw FramingInvalid({ detail: 'Speak HTTP/1.1' })
  if (raw.length / 2 > MAX_HEADERS) throw HeadersTooLarge()
  const seen = new Set<string>()
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (seen.has(name) && !REPEATABLE.has(name)) throw FramingInvalid({ errors: [field(name, 'stands more than once')] })
    if (INTERNAL.has(name)) throw HeaderUnexpected({ errors: [field(name, 'is not known here')] })
    seen.add(name)
  }
  const encoding = request.headers['transfer-encoding']
  if (encoding !== undefined && (encoding.toLowerCase() !== 'chunked' || seen.has('content-length'))) throw FramingInvalid({ errors: [field('transfer-encoding', 'must be chunked, without Content-Length')] })
  if (request.headers['content-length'] !== undefined && !/^(0|[1-9][0-9]{0,9})$/.test(request.headers['content-length'])) throw FramingInvalid({ errors: [field('content-length', 'must be a plain number')] })
  if (!/^(keep-alive|close)?$/i.test(request.headers.connection ?? '')) throw FramingInvalid({ errors: [field('connection', 'may only say keep-alive or close')] })
  if (!seen.has('host')) throw FramingInvalid({ errors: [field('host', 'is missing')] })
  const host = new URL(call.door.origin)
  const sni = (request.socket as { servername?: string | false }).servername
  if (request.headers.host?.toLowerCase() !== host.host || (sni && sni.toLowerCase() !== host.hostname)) throw HostUnknown()
  // Origin form only: an absolute target or '*' would make this door somebody's proxy.
  if (!/^\/[\x21\x24-\x3b\x3d\x40-\x5b\x5d\x5f\x61-\x7a\x7e]*(\?[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]*)?$/.test(request.url ?? '') || request.url!.length > MAX_TARGET) throw PathMalformed()
  canonicalSegments(call.path)
  if (call.query.includes('%') && !isOneText(call.query)) throw QueryMalformed()
  await next()
}

/** UTF-8, and composed: what looks the same is the same. @see https://www.unicode.org/reports/tr15/ NFC */
function isOneText(encoded: string): boolean {
  try {
    const text = decodeURIComponent(encoded)
    return text === text.normalize('NFC')
  } catch {
    return false
  }
}

const field = (name: string, message: string): FieldError => ({ field: `header.${name.slice(0, 64)}`, message })
