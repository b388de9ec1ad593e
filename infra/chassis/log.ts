/** Structured logs on standard output, one JSON object a line; the supervisor keeps them. */
import { pino, type Logger } from 'pino'

export type { Logger }

/** Names of values that never reach a log, at any depth that our records have. */
const SECRET = ['authorization', 'cookie', 'set-cookie', 'token', 'access_token', 'refresh_token', 'id_token', 'subject_token', 'password', 'secret', 'pin', 'cardNumber', 'apiKey', 'client_secret']

export function createLog(process: string, bindings: Record<string, unknown> = {}): Logger {
  return pino({
    base: { process, ...bindings },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error) },
    redact: { paths: SECRET.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]), censor: '[redacted]' },
  })
}

/** What happened and where; not the objects that libraries hang on their errors (connections, with keys in them). */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code, constraint, evidence } = error as { code?: unknown; constraint?: unknown; evidence?: unknown }
  return {
    type: error.name, message: error.message,
    ...(code !== undefined && { code: String(code) }), ...(constraint !== undefined && { constraint: String(constraint) }), ...(evidence !== undefined && { evidence }),
    stack: error.stack,
    ...(error.cause !== undefined && depth < 3 && { cause: describeError(error.cause, depth + 1) }),
  }
}
