/** Structured logs on standard output, one JSON object a line; the supervisor keeps them. */
import { pino, type Logger } from 'pino'
import { createLogWriter, type LogWriter } from './log-writer.ts'

export type { Logger }

/** Names of values that never reach a log, at any depth that our records have. */
const SECRET = new Set(['authorization', 'cookie', 'set-cookie', 'token', 'access_token', 'refresh_token', 'id_token', 'subject_token', 'password', 'secret', 'pin', 'cardNumber', 'apiKey', 'client_secret'])
const DEPTH = 2

/** One for all logs of this process: lines of two writers would overtake each other. */
let writer: LogWriter | undefined

export function createLog(process: string, bindings: Record<string, unknown> = {}): Logger {
  return pino({
    base: { process, ...bindings },
    timestamp: () => `,"time":"${isoTime(Date.now())}"`,
    formatters: { level: (label) => ({ level: label }), log: (record) => withoutSecrets(record) },
    serializers: { err: (error: unknown) => withoutSecrets(describeError(error)) },
  }, (writer ??= createLogWriter()))
}

/**
 * Writes what `log.info(fields, 'request')` writes, for the one line that every request has: made by pino it costs a
 * gateway more than most controls do. Nothing is looked for secrets here: texts must be our own names and ids.
 */
export function createRequestLog(log: Logger): (fields: Record<string, string | number | undefined>) => void {
  const bindings = JSON.stringify(log.bindings()).slice(1, -1)
  return (fields) => {
    if (!log.isLevelEnabled('info')) return
    let line = `{"level":"info","time":"${isoTime(Date.now())}",${bindings}`
    for (const name in fields) {
      const value = fields[name]
      if (value !== undefined) line += `,"${name}":${typeof value === 'string' ? JSON.stringify(value) : value}`
    }
    writer!.ordinary(`${line},"msg":"request"}\n`)
  }
}

let second = -1
let untilSecond = ''
/** '2026-01-31T12:00:00.000Z', with a Date object once a second. */
function isoTime(now: number): string {
  const milliseconds = now % 1_000
  if (now - milliseconds !== second) untilSecond = new Date(second = now - milliseconds).toISOString().slice(0, -4)
  return `${untilSecond}${String(milliseconds).padStart(3, '0')}Z`
}

/** The record itself where it holds no secret, as nearly all do: a copy by paths, as pino makes it, costs a request more than what it logs. */
function withoutSecrets<R extends object>(record: R, depth = 0): R {
  let copy: Record<string, unknown> | undefined
  for (const [name, value] of Object.entries(record)) {
    const shown = SECRET.has(name) ? '[redacted]' : depth < DEPTH && typeof value === 'object' && value !== null && !(value instanceof Error) ? withoutSecrets(value, depth + 1) : value
    if (shown !== value) (copy ??= (Array.isArray(record) ? [...record] : { ...record }) as Record<string, unknown>)[name] = shown
  }
  return (copy as R | undefined) ?? record
}

/** What happened and where; not the objects that libraries hang on their errors (connections, with keys in them). */
function describeError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code, constraint, evidence } = error as { code?: unknown; constraint?: unknown; evidence?: unknown }
  return {
    type: error.name, message: error.message,
    ...(code !== undefined && { code: String(code) }), ...(constraint !== undefined && { constraint: String(constraint) }), ...(evidence !== undefined && { evidence }),
    stack: error.stack,
    ...(error.cause !== undefined && depth < 3 && { cause: describeError(error.cause, depth + 1) }),
  }
}
