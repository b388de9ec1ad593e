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

const ELSEWHERE = new Set(['expect', 'upgrade', 'http2-settings', 'trailer', 'proxy-connection'])

/** What is wrong with the framing, or null. `rawHeaders` as Node gives them: name, value, name, value. */
export function framingFault({ httpVersion, url, headers, rawHeaders }: Pick<IncomingMessage, 'httpVersion' | 'url' | 'headers' | 'rawHeaders'>): string | null {
  if (httpVersion !== '1.1') return `HTTP/${httpVersion}`
  if (!url?.startsWith('/')) return 'request target is not in origin form'
  if (url.includes('#')) return 'request target has a fragment'
  let distinct = 0
  for (const name in headers) {
    distinct++
    if (ELSEWHERE.has(name)) return `header ${name}`
  }
  if (distinct * 2 !== rawHeaders.length) return `header ${repeated(rawHeaders).slice(0, 64)} stands twice`
  const { connection, 'transfer-encoding': encoding } = headers
  if (connection !== undefined && connection !== 'keep-alive' && !/^(keep-alive|close)$/i.test(connection)) return 'Connection names more than keep-alive or close'
  if (encoding !== undefined && encoding !== 'chunked') return 'Transfer-Encoding is not chunked alone'
  if (headers.host === undefined) return 'no Host'
  return encoding !== undefined && headers['content-length'] !== undefined ? 'two lengths' : null
}

function repeated(rawHeaders: string[]): string {
  const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  return names.find((name, i) => names.indexOf(name) !== i) ?? ''
}

export const refuseAmbiguousFraming = <Call extends { request: IncomingMessage }>(): Step<Call> => (call) => {
  const reason = framingFault(call.request)
  if (reason) throw FramingRefused({ evidence: { reason }, headers: { connection: 'close' } })
}
