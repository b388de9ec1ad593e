import type { IncomingHttpHeaders } from 'node:http'
import { canonicalSegments } from '@shop/chassis/operation.ts'
import { HostUnknown, PathMalformed, type FieldError } from '@shop/chassis/problem.ts'
import type { Door, EdgeCall } from '../edge/call.ts'
import { FramingInvalid, HeadersTooLarge, HeaderUnexpected, QueryMalformed } from '../edge/problems.ts'
import type { Step } from '../pipeline.ts'

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
export const requireCanonicalRequest = (): Step<EdgeCall> => {
  const places = new Map<Door, URL>()
  return (call) => {
    const { request } = call
    const { headers, rawHeaders } = request
    if (request.httpVersion !== '1.1') throw FramingInvalid({ detail: 'Speak HTTP/1.1' })
    if (rawHeaders.length / 2 > MAX_HEADERS) throw HeadersTooLarge()
    refuseNames(headers, rawHeaders)
    const { connection, expect, 'content-length': length, 'transfer-encoding': encoding } = headers
    if (encoding !== undefined && (encoding.toLowerCase() !== 'chunked' || length !== undefined)) throw FramingInvalid({ errors: [field('transfer-encoding', 'must be chunked, without Content-Length')] })
    if (length !== undefined && !/^(0|[1-9][0-9]{0,9})$/.test(length)) throw FramingInvalid({ errors: [field('content-length', 'must be a plain number')] })
    if (connection !== undefined && connection !== 'keep-alive' && !/^(keep-alive|close)?$/i.test(connection)) throw FramingInvalid({ errors: [field('connection', 'may only say keep-alive or close')] })
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') throw FramingInvalid({ errors: [field('expect', 'may only say 100-continue')] })
    if (headers.host === undefined) throw FramingInvalid({ errors: [field('host', 'is missing')] })
    let place = places.get(call.door)
    if (!place) places.set(call.door, (place = new URL(call.door.origin)))
    const sni = (request.socket as { servername?: string | false }).servername
    if (headers.host.toLowerCase() !== place.host || (sni && sni.toLowerCase() !== place.hostname)) throw HostUnknown()
    // Origin form only: an absolute target or '*' would make this door somebody's proxy.
    if (!/^\/[\x21\x24-\x3b\x3d\x40-\x5b\x5d\x5f\x61-\x7a\x7e]*(\?[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]*)?$/.test(request.url ?? '') || request.url!.length > MAX_TARGET) throw PathMalformed()
    canonicalSegments(call.path)
    if (call.query.includes('%') && !isOneText(call.query)) throw QueryMalformed()
  }
}

/** Names that stand once only, and none of ours. */
function refuseNames(headers: IncomingHttpHeaders, rawHeaders: string[]): void {
  let distinct = 0
  for (const name in headers) {
    if (INTERNAL.has(name)) throw HeaderUnexpected({ errors: [field(name, 'is not known here')] })
    distinct++
  }
  if (distinct * 2 === rawHeaders.length) return
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (seen.has(name) && !REPEATABLE.has(name)) throw FramingInvalid({ errors: [field(name, 'stands more than once')] })
    seen.add(name)
  }
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
