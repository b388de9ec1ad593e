/**
 * Writes log lines to standard output, the ordinary ones several at a time: a write for each costs a busy process more
 * than making the line does.
 *
 * A line waits for at most 100 ms. A warning, or worse, is written at once, after everything before it; so is what waits
 * when the process ends in any way that it notices: by itself, by process.exit (a stop, a handover, unusable
 * configuration), by an uncaught error. What ends it unnoticed (SIGKILL, a signal nobody handles, the heap's limit) takes
 * the ordinary lines of its last 100 ms with it. Writes are synchronous and of whole lines, so none is torn or overtaken.
 */
import { pino } from 'pino'

const LINGER_MS = 100
const MOST_CHARACTERS = 32_768
const WARN = pino.levels.values['warn']!

export type LogWriter = {
  /** Called by pino. */
  write(line: string): void
  /** A line that is not urgent. */
  ordinary(line: string): void
  flushSync(): void
}

export function createLogWriter(): LogWriter {
  const out = pino.destination({ dest: 1, sync: true })
  let waiting = ''
  let timer: NodeJS.Timeout | undefined
  let isEnding = false
  const writer = {
    // pino says in `lastLevel` how severe the line is that it hands over.
    [pino.symbols.needsMetadataGsym]: true as const,
    lastLevel: 0,
    write(line: string) {
      writer.ordinary(line)
      if (writer.lastLevel >= WARN) writer.flushSync()
    },
    ordinary(line: string) {
      waiting += line
      if (waiting.length >= MOST_CHARACTERS || isEnding) writer.flushSync()
      else timer ??= setTimeout(writer.flushSync, LINGER_MS).unref()
    },
    flushSync() {
      clearTimeout(timer)
      timer = undefined
      const lines = waiting
      waiting = ''
      if (lines) out.write(lines)
    },
  }
  process.once('exit', () => { isEnding = true; writer.flushSync() })
  return writer
}
