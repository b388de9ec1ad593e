/**
 * Refuses requests that two HTTP parsers could read differently, and every way to leave plain HTTP/1.1 (S5.1, S13.1).
 *
 * Node's strict parser has already refused broken lengths and encodings (see `server-limits.ts`); what is left is
 * legal HTTP that no honest client of ours sends.
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.3 and section 11.2
 */
import type { IncomingMessage } from 'node:http'
import { problem } from '@shop/chassis/problem.ts'
import type { Step } from '../pipeline.ts'

export const FramingRefused = problem('framing-refused', 400, 'The request is not framed as this server reads it', 'Send one plain HTTP/1.1 request', 'FRAMING')

/** What is wrong with the framing, or null. `rawHeaders` as Node gives them: name, value, name, value. */
export function framingFault({ httpVersion, url, rawHeaders }: Pick<IncomingMessage, 'httpVersion' | 'url' | 'rawHeaders'>): string | null {
  if (httpVersion !== '1.1') return `HTTP/${httpVersion}`
  if (!url?.startsWith('/')) return 'request target is not in origin form'
  if (url.includes('#')) return 'request target has a fragment'
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (seen.has(name)) return `header ${name.slice(0, 64)} stands twice`
    seen.add(name)
    const value = rawHeaders[i + 1]!
    if (name === 'connection' && !/^(keep-alive|close)$/i.test(value)) return 'Connection names more than keep-alive or close'
    if (name === 'transfer-encoding' && value !== 'chunked') return 'Transfer-Encoding is not chunked alone'
    if (name === 'expect' || name === 'upgrade' || name === 'http2-settings' || name === 'trailer' || name === 'proxy-connection') return `header ${name}`
  }
  if (!seen.has('host')) return 'no Host'
  return seen.has('transfer-encoding') && seen.has('content-length') ? 'two lengths' : null
}

export const refuseAmbiguousFraming = <Call extends { request: IncomingMessage }>(): Step<Call> => (call) => {
  const reason = framingFault(call.request)
  if (reason) throw FramingRefused({ evidence: { reason }, headers: { connection: 'close' } })
}
