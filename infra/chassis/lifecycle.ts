/** A process's end: on SIGTERM or when the supervisor goes away, and loudly when a programmer erred. */
import type { Logger } from './log.ts'

/**
 * Stops cleanly on SIGTERM/SIGINT, and when the supervisor's pipe on standard input closes (the supervisor was
 * killed). A second signal, or 10 s, ends it at once. An uncaught error is logged and ends the process: the
 * supervisor restarts it from a known state.
 */
export function onStop(log: Logger, stop: () => Promise<void>): void {
  let isStopping = false
  const end = (why: string) => {
    if (isStopping) process.exit(1)
    isStopping = true
    log.info({ why }, 'stopping')
    setTimeout(() => process.exit(1), 10_000).unref()
    stop().then(() => process.exit(0), (error) => { log.error({ err: error }, 'stop failed'); process.exit(1) })
  }
  process.on('SIGTERM', () => end('SIGTERM'))
  process.on('SIGINT', () => end('SIGINT'))
  process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume()
  process.stdin.unref?.()
  for (const kind of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(kind, (error: unknown) => {
      log.fatal({ err: error }, kind)
      process.exit(70)
    })
}
