/**
 * The programs the shop stands on: PostgreSQL, RabbitMQ with Erlang, Consul and SoftHSM's library. Taken from the
 * machine, else from the project's cache, else brought there from the distribution's packages; nothing of the
 * machine's own is installed, started or changed.
 */
import { glob } from 'node:fs/promises'
import { arch } from 'node:os'
import { dirname, join } from 'node:path'
import { readDistribution } from './apt.ts'
import { bringIntoCache, isWhole } from './cache.ts'
import { describeMissing, type PartName } from './missing.ts'
import { run } from './run.ts'

/** `libraryPath`: for LD_LIBRARY_PATH, '' for a part of the machine's own. */
type Part = { version: string; libraryPath: string }
export type Postgres = Part & { bin: string; major: number }
/** `home`: the folder with `plugins`; `erlang`: Erlang's root; `erts`: the folder of `erlexec`. */
export type Rabbitmq = Part & { home: string; erlang: string; erts: string }
export type Consul = Part & { path: string }
export type Softhsm = Part & { library: string }
export type Found = { postgres: Postgres; rabbitmq: Rabbitmq; consul: Consul; softhsm: Softhsm }
export type Parts = Found & {
  /** All parts' library folders in one. */
  libraryPath: string
  /** Every service user must be able to read below it. */
  cacheRoot: string
  /** What a person should know: parts out of support. */
  notes: string[]
}
export type PartsOptions = { cacheDir: string; onProgress?: (text: string) => void }

const PACKAGES: Record<PartName, string[]> = { postgres: ['postgresql'], rabbitmq: ['rabbitmq-server'], consul: ['consul'], softhsm: ['libsofthsm2'] }

/** Programs and libraries of each part that link others, as Debian lays them out. */
const LINKED: Record<PartName, string[]> = {
  postgres: ['/usr/lib/postgresql/*/bin/{postgres,initdb}'],
  rabbitmq: ['/usr/lib/erlang/{erts-*/bin/beam.smp,lib/{crypto,asn1}-*/priv/lib/*.so}'],
  consul: [],
  softhsm: ['/usr/lib/{softhsm,*/softhsm}/libsofthsm2.so'],
}

async function paths(...patterns: string[]): Promise<string[]> {
  const found: string[] = []
  for await (const path of glob(patterns)) found.push(path)
  return found.sort()
}
const onPath = async (name: string) => (await run('sh', ['-c', `command -v ${name}`]).catch(() => '')).trim()
const newestFirst = <P extends Part>(found: P[]): P | undefined => found.sort((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }))[0]
const isAtLeast = (version: string, least: string) => version.localeCompare(least, 'en', { numeric: true }) >= 0

async function libraryPath(root: string): Promise<string> {
  return root === '' ? '' : (await paths(`${root}/usr/lib/*-linux-gnu*`, `${root}/lib/*-linux-gnu*`)).join(':')
}
const withLibraries = (path: string): { env: Record<string, string> } => ({ env: { PATH: '/usr/bin:/bin', ...(path && { LD_LIBRARY_PATH: path }) } })

/** How each part is recognized below a root ('' = the machine). A program counts by what it says of itself, not by its name. */
const find: { [P in PartName]: (root: string) => Promise<Found[P] | undefined> } = {
  async postgres(root) {
    const libraries = await libraryPath(root)
    const bins = await paths(`${root}/usr/lib/postgresql/*/bin`, ...(root ? [] : ['/usr/pgsql-*/bin', '/{opt/homebrew,usr/local}/opt/postgresql@*/bin', '/usr/bin']))
    const named = root ? '' : await onPath('postgres')
    const found: Postgres[] = []
    for (const bin of new Set(named ? [...bins, dirname(named)] : bins)) {
      const says = await Promise.all(['postgres', 'initdb'].map((name) => run(join(bin, name), ['--version'], withLibraries(libraries)).catch(() => '')))
      const [version, initdb] = says.map((text) => text.match(/^\w+ \(PostgreSQL\) (\d+\S*)/)?.[1])
      if (version && version === initdb && isAtLeast(version, '15')) found.push({ bin, version, major: Number.parseInt(version, 10), libraryPath: libraries })
    }
    return newestFirst(found)
  },
  async rabbitmq(root) {
    const libraries = await libraryPath(root)
    const homes = await paths(`${root}/usr/lib/rabbitmq/lib/rabbitmq_server-*`, ...(root ? [] : ['/{opt/homebrew,usr/local}/opt/rabbitmq']))
    const erts = (await paths(`${root}/usr/lib/erlang/erts-*/bin/erlexec`, ...(root ? [] : ['/usr/lib64/erlang/erts-*/bin/erlexec', '/{opt/homebrew,usr/local}/opt/erlang*/lib/erlang/erts-*/bin/erlexec']))).map(dirname).at(-1)
    const found: Rabbitmq[] = []
    for (const home of erts ? homes : []) {
      const [rabbit] = await paths(`${home}/plugins/rabbit-*`)
      const version = rabbit?.match(/rabbit-([\d.]+\d)/)?.[1]
      if (erts && version && isAtLeast(version, '3.10')) found.push({ home, version, erts, erlang: dirname(dirname(erts)), libraryPath: libraries })
    }
    return newestFirst(found)
  },
  async consul(root) {
    const found: Consul[] = []
    for (const path of root ? [`${root}/usr/bin/consul`] : [await onPath('consul'), '/opt/homebrew/bin/consul', '/usr/local/bin/consul'].filter(Boolean)) {
      const version = (await run(path, ['version'], withLibraries('')).catch(() => '')).match(/^Consul v?([\d.]+\d)/)?.[1]
      if (version && isAtLeast(version, '1.8.7')) found.push({ path, version, libraryPath: '' })
    }
    return newestFirst(found)
  },
  async softhsm(root) {
    const [library] = await paths(`${root}/usr/lib/{softhsm,*/softhsm}/libsofthsm2.so`, ...(root ? [] : ['/usr/lib64/{softhsm,pkcs11}/libsofthsm2.so', '/{opt/homebrew,usr/local}/lib/softhsm/libsofthsm2.so']))
    return library ? { library, version: '2', libraryPath: await libraryPath(root) } : undefined
  },
}

/** Finds every part or brings what is missing. Throws one error that says what is missing and how to get it. */
export async function ensureParts(options: PartsOptions): Promise<Parts> {
  const found = await ensure(['postgres', 'rabbitmq', 'consul', 'softhsm'], options)
  const libraries = Object.values(found).map((part) => part.libraryPath).filter(Boolean)
  const notes = isAtLeast(found.consul.version, '1.18') ? [] : [`consul ${found.consul.version} is out of support; a newer consul on PATH is preferred`]
  return { ...found, libraryPath: [...new Set(libraries)].join(':'), cacheRoot: options.cacheDir, notes }
}

/** PostgreSQL alone, for tests that need no more. */
export const ensurePostgres = async (options: PartsOptions): Promise<Postgres> => (await ensure(['postgres'], options)).postgres

async function ensure<P extends PartName>(wanted: P[], { cacheDir, onProgress = () => {} }: PartsOptions): Promise<Pick<Found, P>> {
  const distribution = await readDistribution()
  const cached = (part: PartName) => join(cacheDir, `${part}-${distribution?.codename ?? 'none'}-${arch()}`)
  const found: Partial<Found> = {}
  const look = async (part: PartName) => {
    const seen = (await find[part]('')) ?? (await usable(part, cached(part)))
    if (seen) Object.assign(found, { [part]: seen })
  }
  await Promise.all(wanted.map(look))
  const missing = () => wanted.filter((part) => !found[part])
  let reason = distribution ? 'the package archives of this machine do not have it' : 'this system is not Debian or Ubuntu, so it is not fetched by itself'
  if (missing().length > 0 && distribution) {
    const recipes = new Map(missing().map((part) => [part as string, { packages: PACKAGES[part], folder: cached(part), prove: (root: string) => prove(part, root) }]))
    reason = (await bringIntoCache(recipes, cacheDir, onProgress).catch((error: Error) => error.message)) ?? reason
    await Promise.all(missing().map(look))
  }
  if (missing().length > 0) throw new Error(describeMissing(missing(), reason))
  return found as Pick<Found, P>
}

/** The part in a folder of the cache, if it is whole and finds all its libraries: the machine may have lost some since, or be another one. */
async function usable<P extends PartName>(part: P, folder: string): Promise<Found[P] | undefined> {
  return (await isWhole(folder)) ? prove(part, folder).catch(() => undefined) : undefined
}

/** Throws with the loader's words when something that the part needs is neither on the machine nor brought. */
async function prove<P extends PartName>(part: P, root: string): Promise<Found[P]> {
  const found = await find[part](root)
  if (!found) throw new Error(`what was unpacked for ${part} does not run on this machine`)
  for (const program of await paths(...LINKED[part].map((pattern) => root + pattern))) {
    const lacking = (await run('ldd', [program], withLibraries(found.libraryPath))).split('\n').filter((line) => line.includes('not found'))
    if (lacking.length > 0) throw new Error(`${part} lacks ${lacking.map((line) => line.trim()).join(', ')}`)
  }
  return found
}
