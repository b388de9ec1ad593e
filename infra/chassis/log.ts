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
    redact: { paths: SECRET.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]), censor: '[redacted]' },
  })
}
