/** One runner a checkout. The kernel holds the lock for as long as the process lives, however it ends: no file to be stale. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** As long as this refers to it, it is not collected, which would end the lock. */
const held: DatabaseSync[] = []

/** Throws when another process has the checkout already. */
export function beAlone(shopDir: string): void {
  const lock = new DatabaseSync(join(shopDir, 'runner.lock'))
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode !== 5) throw error // SQLITE_BUSY
    throw new Error('Another command is bringing this checkout\'s system up, or down, right now. See npm run status, and try again.')
  }
  held.push(lock)
}
