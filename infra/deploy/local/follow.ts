/** Reads what a process adds to its log file, line by line, as it comes. */
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs'

const PIECE_BYTES = 256 * 1024
const NEWLINE = 10

/**
 * Answers `read`: hands over every whole line since the last one. Begins at the end of the file as it is now. A file that was cut is
 * read from its beginning: whoever cuts it reads first. Of a line longer than a piece only the beginning is handed over.
 */
export function followFile(path: string, onLine: (line: string) => void): () => void {
  let at = existsSync(path) ? statSync(path).size : 0
  let isInside = false
  return function read() {
    if (!existsSync(path)) return
    const handle = openSync(path, 'r')
    try {
      const { size } = fstatSync(handle)
      if (size < at) [at, isInside] = [0, false]
      while (at < size) {
        const bytes = Buffer.alloc(Math.min(size - at, PIECE_BYTES))
        const piece = bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, at))
        const isLong = piece.length === PIECE_BYTES && !piece.includes(NEWLINE)
        const end = isLong ? piece.length : piece.lastIndexOf(NEWLINE) + 1
        if (end === 0) return
        const lines = piece.toString('utf8', 0, end).split('\n')
        const whole = isLong ? lines : lines.slice(0, -1)
        for (const line of isInside ? whole.slice(1) : whole) onLine(line)
        isInside = isLong
        at += end
      }
    } finally {
      closeSync(handle)
    }
  }
}
