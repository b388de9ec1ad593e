/** One request at a door: what the stages learn about it, and the answer that the rim will write. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CheckedRequest, Operation } from '@shop/chassis/operation.ts'
import type { TraceContext } from '@shop/chassis/trace.ts'
import type { OpenSession } from './sessions/sessions.ts'

export type DoorName = 'web' | 'mobile' | 'partner'
export type Door = {
  name: DoorName
  /** 'https://localhost:27000': the only origin this door answers as. */
  origin: string
}

/** A body in one piece, a value that is written as JSON, what makes one, or a writer that runs until it returns or the client leaves. */
export type Answer = {
  status: number
  /** Lower case. */
  headers: Record<string, string | string[]>
  body?: string | Buffer
  json?: unknown
  made?: Made
  stream?: (write: (chunk: string) => Promise<void>, gone: AbortSignal) => Promise<void>
}

/** A value that depends on this JSON text alone, and may be seen by anyone: the same text need not be read twice. */
export type Made = { from: Buffer; by: (json: any) => unknown }
export const make = ({ from, by }: Made): unknown => by(JSON.parse(from.toString('utf8')))
export const jsonOf = ({ made, json }: Answer): unknown => (made ? make(made) : json)

/** Where a request goes: a declared operation, a page, or a file of the storefront. */
export type Target =
  | { kind: 'operation'; operation: Operation; params: Record<string, string> }
  | { kind: 'page'; route: string; params: Record<string, string> }
  | { kind: 'asset'; path: string }

export type EdgeCall = {
  door: Door
  request: IncomingMessage
  method: string
  /** Percent-encoded, without query. */
  path: string
  /** Raw, without '?'. */
  query: string
  /** Address of the peer as the socket says; nothing that a header claims. */
  address: string
  trace: TraceContext
  /** On the clock of performance.now(), ms. */
  deadline: number
  /** Where the answer goes; closes when the client leaves. */
  response: ServerResponse
  /** By its name in lower case. */
  header(name: string): string | undefined
  /** It has one, or says so. */
  hasBody: boolean
  /** Reads the body once, up to `limit` bytes. Throws body-too-large, media-type-unsupported for encoded bodies. */
  body(limit: number): Promise<Buffer>
  /** Set by a stage, sent with every answer, refusals included, unless the answer says otherwise: with HTML, and with anything else. */
  headers: { document: Readonly<Record<string, string>>; other: Readonly<Record<string, string>> }
  cookies: string[]
  target?: Target
  /** The partner's name, from its client certificate. */
  client?: string
  /** Of the session that the cookie names; absent for a visitor without one. */
  session?: OpenSession
  input?: CheckedRequest
  /** Fields of a form, each once. */
  form?: Record<string, string>
  rawBody?: Buffer
  answer?: Answer
}

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  ({ status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers }, json: body })

export const html = (status: number, body: string, headers: Record<string, string> = {}): Answer =>
  ({ status, headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', ...headers }, body })

export const seeOther = (location: string): Answer => ({ status: 303, headers: { location, 'cache-control': 'no-store' } })
