/**
 * One plain HTTP/1.1 request at a time, and nothing that two parsers could read differently (S5.1, S13.1). Used by the
 * micro-gateways and by every door that has no pipeline of its own.
 *
 * Node's strict parser has already refused broken lengths and encodings; what is left is legal HTTP that no honest
 * client of ours sends.
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.3 and section 11.2
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { HostUnknown, problem } from './problem.ts'
import type { Report } from './security-event.ts'

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
  const { connection, 'transfer-encoding': encoding, 'content-length': length } = headers
  if (connection !== undefined && connection !== 'keep-alive' && !/^(keep-alive|close)$/i.test(connection)) return 'Connection names more than keep-alive or close'
  if (encoding !== undefined && encoding !== 'chunked') return 'Transfer-Encoding is not chunked alone'
  if (length?.startsWith('0') && length !== '0') return 'Content-Length is not a plain number'
  if (headers.host === undefined) return 'no Host'
  return encoding !== undefined && length !== undefined ? 'two lengths' : null
}

function repeated(rawHeaders: string[]): string {
  const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  return names.find((name, i) => names.indexOf(name) !== i) ?? ''
}

/** `host`: the only one that this door answers as, 'localhost:27003'. Throws framing-refused, host-unknown (S12.2). */
export function requirePlainRequest(request: IncomingMessage, host: string): void {
  const reason = framingFault(request)
  const headers = { connection: 'close' }
  if (reason) throw FramingRefused({ evidence: { reason }, headers })
  if (request.headers.host!.toLowerCase() !== host) throw HostUnknown({ headers })
}

export type RefusedBelow = (about: { reason: string; address: string | undefined }) => void

/**
 * A server that takes one plain request after the other, and says what it was offered instead. Browsers open connections
 * ahead of need and let them time out: that is told to nobody.
 */
export function plainServer<S extends Server>(server: S, listener: RequestListener, report: Report): S {
  const refused: RefusedBelow = ({ reason, address }) => {
    if (reason !== TOO_SLOW) report({ detection: 'FRAMING', control: 'framing', strategies: ['S5.1', 'S12.2'], code: FramingRefused.code, severity: 'medium', reason: reason.slice(0, 200), ...(address && { address }) })
  }
  refuseOtherProtocols(server, refused)
  return server.on('request', oneAtATime(listener, refused))
}

/** The last answer that was begun on each connection. */
const begun = new WeakMap<Duplex, ServerResponse>()
/** One that was sent has left its socket. */
const underWay = (socket: Duplex): ServerResponse | undefined => {
  const answer = begun.get(socket)
  return answer?.socket === socket ? answer : undefined
}

/** Tells `endConnection` what is being answered. */
export const answering = (socket: Duplex, response: ServerResponse): void => void begun.set(socket, response)

/**
 * Nothing is read behind a request before it is answered: no client of ours pipelines, and what stands behind a refused
 * request may be the smuggled half of it. The answer under way is sent, then the connection ends.
 */
export const oneAtATime = (listener: RequestListener, refused: RefusedBelow): RequestListener => (request, response) => {
  const { socket } = request
  if (!socket.writable) return
  if (underWay(socket)) {
    refused({ reason: 'request behind an unanswered one', address: socket.remoteAddress })
    // It is this one's turn when the answer before it was sent.
    response.once('socket', () => socket.destroySoon())
    return
  }
  answering(socket, response)
  listener(request, response)
}

const TOO_SLOW = 'request came too slowly'
/** How long an answer under way may still take when what came behind it is no request. */
const LAST_ANSWER_MS = 1_000

/**
 * Ends a connection whose bytes are no request. `refusal`, a whole response, is sent where it is its turn, and never
 * beside another: an answer under way goes out alone. False when the request was answered before its body broke: there
 * is nothing new to tell of it.
 */
export function endConnection(socket: Duplex, refusal: string): boolean {
  const answer = begun.get(socket)
  const end = () => (socket as Socket).destroySoon()
  const isItsTurn = !answer || answer.writableFinished || (answer.socket === socket && !answer.headersSent && !answer.req.complete)
  if (isItsTurn) {
    if (socket.writable) socket.end(refusal)
    end()
    return true
  }
  answer.once('close', end)
  setTimeout(() => socket.destroy(), LAST_ANSWER_MS).unref()
  return answer.req.complete
}

/**
 * Requests that never become one: unparsable, CONNECT, Upgrade, Expect. Each gets one refusal and a closed connection,
 * so that no byte behind it is read as a second request.
 */
export function refuseOtherProtocols(server: Server, refused: RefusedBelow): void {
  const end = (socket: Duplex, status: string, reason: string) => {
    const address = (socket as Socket).remoteAddress
    if (endConnection(socket, `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)) refused({ reason, address })
  }
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // A peer that went away, or was slow to send anything, tried nothing.
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || socket.destroyed) return void socket.destroy()
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return end(socket, '408 Request Timeout', TOO_SLOW)
    end(socket, error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request', error.code ?? 'unparsable')
  })
  server.on('connect', (_request, socket) => end(socket, '400 Bad Request', 'CONNECT'))
  server.on('upgrade', (request, socket) => end(socket, '400 Bad Request', `Upgrade ${String(request.headers.upgrade).slice(0, 32)}`))
  for (const event of ['checkContinue', 'checkExpectation'] as const)
    server.on(event, (request) => end(request.socket, '417 Expectation Failed', `Expect ${String(request.headers.expect).slice(0, 32)}`))
}
