/** Files and folders with an owner and a mode that hold from their first moment. */
import { chmodSync, chownSync, closeSync, fsyncSync, lstatSync, lchownSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export const isRoot = process.getuid?.() === 0

/** Writes beside, then renames: a reader sees the old file or the new one, never half of it. */
export function writeWhole(path: string, content: string, mode = 0o600, uid?: number): void {
  const beside = `${path}.${process.pid}.new`
  rmSync(beside, { force: true })
  const handle = openSync(beside, 'wx', mode)
  writeSync(handle, content)
  fsyncSync(handle)
  closeSync(handle)
  chmodSync(beside, mode)
  if (uid !== undefined && isRoot) chownSync(beside, uid, uid)
  renameSync(beside, path)
}

/** A JSON file of ours. We never leave half of one; a full disk or a hand may. Throws what is wrong with it and what to do. */
export function readOwn(path: string, advice: string): unknown {
  const text = readFileSync(path, 'utf8')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${path} is damaged: ${(error as Error).message}. ${advice}`)
  }
}

/** A folder of `uid` alone (or as `mode` says). What stands in it from another plan changes hands with it. */
export function ownFolder(path: string, uid: number, mode = 0o700): string {
  mkdirSync(path, { recursive: true, mode })
  if (isRoot && statSync(path).uid !== uid) giveAway(path, uid)
  chmodSync(path, mode)
  return path
}

/** The folder last: a crash on the way leaves it to the next start. */
function giveAway(path: string, uid: number): void {
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) giveAway(join(path, name), uid)
  lchownSync(path, uid, uid)
}
