/** Where Unix sockets stand: a folder whose path is short whatever the checkout's path is, checked before it is trusted. */
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRoot } from './files.ts'

/** sun_path holds 104 bytes on macOS, 108 on Linux; one is the final NUL. */
const LONGEST = 103

const runDirOf = (id: string) => join(isRoot && process.platform === 'linux' ? '/run' : tmpdir(), `shop-${id}`)

export function openRunDir(id: string): string {
  const path = runDirOf(id)
  mkdirSync(path, { mode: 0o711, recursive: true })
  const found = lstatSync(path)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || found.mode & 0o022) throw new Error(`${path} is not a folder that only this user may write: remove it and start again`)
  return path
}

/** Takes away sockets and empty folders, and nothing else: a checkout may be bound below. */
export function closeRunDir(id: string): void {
  const path = runDirOf(id)
  if (!existsSync(path)) return
  for (const name of readdirSync(path)) removeEmpty(join(path, name), 2)
  removeEmpty(path, 0)
}

function removeEmpty(path: string, depth: number): void {
  const found = lstatSync(path)
  try {
    if (found.isSocket()) unlinkSync(path)
    else if (found.isDirectory()) {
      if (depth > 0) for (const name of readdirSync(path)) removeEmpty(join(path, name), depth - 1)
      rmdirSync(path)
    }
  } catch { /* in use: it stays */ }
}

/**
 * `<run>/<server>-<client>/s`: the folder belongs to the server, its group is the client's, and nobody else gets in
 * (mode 2710; sockets inherit the group).
 */
export function socketPath(runDir: string, server: string, client: string): string {
  const path = join(runDir, `${server}-${client}`, 's')
  if (Buffer.byteLength(path) > LONGEST) throw new Error(`${path} is longer than the ${LONGEST} bytes a socket's path may have: use shorter names`)
  return path
}

export function openSocketFolder(socket: string, serverUid: number, clientGid: number): string {
  const folder = join(socket, '..')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (isRoot) chownSync(folder, serverUid, clientGid)
  chmodSync(folder, 0o2710)
  return socket
}
