/**
 * What our programs compile to, made once for all processes. Without it each process would load the type stripper,
 * which costs it 140 ms and 17 MB. No process can write what another, or its own successor, will run.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Confinement } from './confine.ts'
import { isRoot, ownFolder, writeWhole } from './files.ts'

const NOBODY = 65_534
const SOURCES = ['gateway', 'infra', 'services', 'package-lock.json']

/**
 * Makes `folder`, a NODE_COMPILE_CACHE that every uid in `uids` may read, anew when the sources below `repo` have changed.
 * `programs` and `seen` (the folder) are paths as children find them. What goes wrong only costs time: each process
 * then compiles for itself.
 */
export function compileOnce({ repo, folder, seen, programs, uids, confinement, compiler }: { repo: string; folder: string; seen: string; programs: string[]; uids: number[]; confinement: Confinement; compiler: string }): void {
  const stamp = `${process.version} ${process.execPath} ${compiler} ${uids.join()} ${fingerprint(repo)}`
  const stampFile = join(folder, 'stamp')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  rmSync(folder, { recursive: true, force: true })
  ownFolder(folder, isRoot ? NOBODY : process.getuid!())
  const { file, args, uid, gid } = confinement.confine({ file: process.execPath, args: [compiler, ...programs], env: {}, cwd: '/' }, isRoot ? NOBODY : process.getuid!())
  spawnSync(file, args, { cwd: '/', env: { PATH: '/usr/bin:/bin', NODE_COMPILE_CACHE: seen }, stdio: 'ignore', timeout: 60_000, ...(uid !== undefined && { uid, gid }) })
  ownFolder(folder, process.getuid!(), 0o755)
  const made = readdirSync(folder)[0]
  if (made) {
    chmodSync(join(folder, made), 0o755)
    for (const name of readdirSync(join(folder, made))) chmodSync(join(folder, made, name), 0o644)
    // Node looks in a folder whose name ends with its own user id.
    for (const one of uids) if (!made.endsWith(`-${one}`)) symlinkSync(made, join(folder, made.replace(/-\d+$/, `-${one}`)))
  }
  writeWhole(stampFile, stamp)
}

/** Changes with any source: newest change and number of files. */
function fingerprint(repo: string): string {
  let newest = 0, count = 0
  for (const source of SOURCES) {
    const path = join(repo, source)
    const files = statSync(path).isDirectory() ? readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((name) => join(path, name)) : [path]
    for (const file of files) newest = Math.max(newest, statSync(file).mtimeMs)
    count += files.length
  }
  return `${newest} ${count}`
}
