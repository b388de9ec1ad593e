/** Derived files of a backing process: whole or absent, readable by its user alone. */
import { chmod, chown, mkdir, rename, writeFile } from 'node:fs/promises'
import type { Owner } from './spawn-spec.ts'

/** Replaces `path` in one step. `mode` counts whatever the umask is. */
export async function writePrivate(path: string, content: string, owner: Owner, mode = 0o600): Promise<void> {
  const fresh = `${path}.new`
  await writeFile(fresh, content, { mode: 0o600 })
  await chmod(fresh, mode)
  if (owner) await chown(fresh, owner.uid, owner.gid)
  await rename(fresh, path)
}

/** A folder that only its owner may enter. */
export async function makePrivate(path: string, owner: Owner): Promise<void> {
  await mkdir(path, { recursive: true })
  await chmod(path, 0o700)
  if (owner) await chown(path, owner.uid, owner.gid)
}
