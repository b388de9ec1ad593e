/** One log file a process. Children append to it themselves; a file that grew too long is copied aside and cut. */
import { closeSync, copyFileSync, existsSync, fstatSync, mkdirSync, openSync, readSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

const LONGEST_BYTES = 10 * 1024 * 1024

export const logPath = (shopDir: string, name: string) => join(shopDir, 'logs', `${name}.log`)

/** Appending: the place where a child writes survives the cut. */
export function openLog(shopDir: string, name: string): number {
  mkdirSync(join(shopDir, 'logs'), { recursive: true, mode: 0o700 })
  return openSync(logPath(shopDir, name), 'a', 0o600)
}

/** `beforeCut` is called when all that a file holds is still there. */
export function rotateLogs(shopDir: string, beforeCut: () => void = () => {}): void {
  const folder = join(shopDir, 'logs')
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.log'))) {
    const path = join(folder, name)
    if (statSync(path).size < LONGEST_BYTES) continue
    copyFileSync(path, `${path}.1`)
    beforeCut()
    truncateSync(path)
  }
}

/** The last lines since byte `from`, short enough for a terminal. */
export function lastLines(path: string, count: number, from = 0): string[] {
  if (!existsSync(path)) return []
  const handle = openSync(path, 'r')
  const size = fstatSync(handle).size
  const start = Math.max(from > size ? 0 : from, size - 16_384)
  const bytes = Buffer.alloc(size - start)
  readSync(handle, bytes, 0, bytes.length, start)
  closeSync(handle)
  return bytes.toString('utf8').trimEnd().split('\n').slice(-count).map((line) => line.length > 400 ? `${line.slice(0, 400)} …` : line)
}
