/**
 * Other user ids must be able to read the program that they run. A checkout below /root, or in a folder of mode 0700,
 * gets a second path in a mount namespace of the runner's own: nothing of the machine changes and nobody else sees it.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isRoot } from './files.ts'

/** Folders of the repository that children read. */
const READ = ['gateway', 'infra', 'services', 'node_modules']
/** Folders of the shop's that hold what children own. */
const OWNED = ['state', 'code']

export type Reach = {
  /** The path under which children find `path`. */
  see(path: string): string
}

/** Whether anybody may walk to `path` and read it. */
export function isEnterable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

/** Replaces this process by itself in a mount namespace when a path needs one and it has none yet. Returns when there is nothing to do. */
export function enterNamespace(paths: string[]): void {
  if (!isRoot || process.platform !== 'linux' || process.env.SHOP_NAMESPACE || paths.every(isEnterable)) return
  if (spawnSync('unshare', ['--mount', '--propagation', 'private', 'true'], { stdio: 'ignore' }).status !== 0) return
  const unshare = spawnSync('sh', ['-c', 'command -v unshare'], { encoding: 'utf8' }).stdout.trim()
  process.execve?.(unshare, ['unshare', '--mount', '--propagation', 'private', process.execPath, ...process.argv.slice(1)], { ...process.env, SHOP_NAMESPACE: '1' } as Record<string, string>)
}

/**
 * Binds what others cannot enter to paths below `runDir`; `kept` are further paths: Node itself, the parts' cache. Where
 * the machine allows no mount (a container without CAP_SYS_ADMIN), hard links and a moved data folder do instead.
 */
export function makeReachable(repo: string, shopDir: string, kept: string[], runDir: string, id: string): Reach {
  if (!isRoot || [repo, shopDir, ...kept].every(isEnterable)) return { see: (path) => path }
  if (isPrivate(join(repo, 'infra/deploy/package.json')) || isPrivate(join(repo, 'node_modules/.package-lock.json'))) for (const name of READ) openToReaders(join(repo, name))
  return seeing(process.env.SHOP_NAMESPACE ? bindAll(repo, [shopDir, ...kept], runDir) : mirrorAll(repo, shopDir, kept, `/var/tmp/shop-${id}`))
}

function bindAll(repo: string, kept: string[], runDir: string): Map<string, string> {
  const bound = new Map<string, string>()
  const bind = (from: string, to: string) => {
    if (statSync(from).isDirectory()) mkdirSync(to, { recursive: true, mode: 0o755 })
    else if (!existsSync(to)) writeFileSync(to, '')
    const made = spawnSync('mount', ['--bind', from, to], { encoding: 'utf8' })
    if (made.status !== 0) throw new Error(`mount --bind ${from} ${to}: ${made.stderr.trim()}`)
    bound.set(from, to)
  }
  mkdirSync(join(runDir, 'repo'), { recursive: true, mode: 0o755 })
  for (const name of READ) bind(join(repo, name), join(runDir, 'repo', name))
  for (const [index, path] of kept.filter((one) => !isEnterable(one)).entries()) bind(path, join(runDir, `bound-${index}`))
  return bound
}

/** Links are made anew at each start, so they show the sources of now. */
function mirrorAll(repo: string, shopDir: string, kept: string[], mirror: string): Map<string, string> {
  mkdirSync(mirror, { recursive: true, mode: 0o755 })
  if (lstatSync(mirror).uid !== 0 || !lstatSync(mirror).isDirectory()) throw new Error(`${mirror} is not root's: remove it and start again`)
  const seen = new Map<string, string>()
  const link = (from: string, to: string) => {
    rmSync(to, { recursive: true, force: true })
    mkdirSync(dirname(to), { recursive: true, mode: 0o755 })
    if (spawnSync('cp', ['-al', from, to], { stdio: 'ignore' }).status !== 0) {
      rmSync(to, { recursive: true, force: true })
      const copied = spawnSync('cp', ['-a', from, to], { encoding: 'utf8' }) // another file system
      if (copied.status !== 0) throw new Error(`cp -a ${from} ${to}: ${copied.stderr.trim()}`)
    }
    seen.set(from, to)
  }
  for (const name of READ) link(join(repo, name), join(mirror, 'repo', name))
  for (const [index, path] of kept.filter((one) => !isEnterable(one) && !one.startsWith(`${repo}/`)).entries()) link(path, join(mirror, `kept-${index}`))
  for (const name of OWNED) {
    const [here, there] = [join(shopDir, name), join(mirror, name)]
    if (!lstatSync(here, { throwIfNoEntry: false })?.isSymbolicLink()) {
      rmSync(there, { recursive: true, force: true })
      if (existsSync(here)) spawnSync('mv', [here, there])
      else mkdirSync(there, { mode: 0o711 })
      symlinkSync(there, here)
    } else mkdirSync(there, { recursive: true, mode: 0o711 })
    seen.set(here, there)
  }
  return seen
}

function seeing(paths: Map<string, string>): Reach {
  const byLength = [...paths].sort(([a], [b]) => b.length - a.length)
  return {
    see(path) {
      const [from, to] = byLength.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`)) ?? ['', '']
      return to + path.slice(from.length)
    },
  }
}

const isPrivate = (path: string) => (statSync(path).mode & 0o004) === 0

/** A clone made under umask 077: its files are opened to readers; its closed parent folder still keeps others out. */
function openToReaders(path: string): void {
  const { mode } = lstatSync(path)
  if (lstatSync(path).isSymbolicLink()) return
  chmodSync(path, mode | 0o004 | (mode & 0o100 ? 0o001 : 0))
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) openToReaders(join(path, name))
}
