/** What the public operations are made of. */
import type { Logger } from '@shop/chassis/log.ts'
import type { Ask, Reply } from '../ask.ts'
import type { Answer, EdgeCall } from '../call.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { SignIn } from '../sign-in.ts'

export type Shop = {
  ask: Ask
  log: Logger
  sessions: Sessions
  signIn: SignIn
  /** Aborts when this process stops: open streams end. */
  stopping: AbortSignal
  webhookAllowed: boolean
  /** The public API's document. */
  publicApi: Record<string, any>
}

/** By operationId of the public API. */
export type Handlers = Record<string, (call: EdgeCall) => Promise<Answer>>

/** A service's status and headers around another body. What of the headers gets out, the response-headers control says. */
export const reply = ({ status, headers }: Pick<Reply, 'status' | 'headers'>, body: unknown): Answer => ({
  status,
  headers: { 'cache-control': 'no-store', ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
  ...(body !== undefined && { json: body }),
})

/** A service's answer as it is; its fields are shaped by the public API on the way out. */
export const found = (r: Reply): Answer => reply(r, r.body.length ? r.json() : undefined)

/** A service's answer that anyone may see, made ours by `by`. */
export const made = (r: Reply, by: (json: any) => unknown): Answer =>
  (r.body.length ? { status: r.status, headers: { 'cache-control': 'no-store', ...r.headers, 'content-type': 'application/json' }, made: { from: r.body, by } } : reply(r, undefined))
