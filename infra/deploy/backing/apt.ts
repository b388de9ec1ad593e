/**
 * Brings Debian and Ubuntu packages into a folder without installing them: a private apt state, `apt-get download`,
 * `dpkg -x`. Works as any user; signatures are checked by apt with the machine's own keys, sources and proxies.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './run.ts'

/** What /etc/os-release says, as far as apt needs it. */
export type Distribution = { family: 'debian' | 'ubuntu'; codename: string }

export function parseDistribution(osRelease: string): Distribution | undefined {
  const field = (name: string) => osRelease.match(new RegExp(`^${name}="?([^"\n]*)"?$`, 'm'))?.[1] ?? ''
  const families = `${field('ID')} ${field('ID_LIKE')}`.split(' ')
  const family = families.includes('ubuntu') ? 'ubuntu' : families.includes('debian') ? 'debian' : undefined
  const codename = field('UBUNTU_CODENAME') || field('DEBIAN_CODENAME') || field('VERSION_CODENAME')
  return family && codename ? { family, codename } : undefined
}

/** One archive, in the deb822 form that apt reads. @see sources.list(5) */
export type Source = { uris: string; suites: string[]; components: string; signedBy?: string }

/**
 * The distribution's own archives among the machine's sources; other vendors' suites are left out, because the
 * parts come from the distribution and a foreign mirror that is down must not stop the start.
 */
export function ownSources(files: { name: string; text: string }[], { codename }: Distribution): Source[] {
  const suites = ['', '-updates', '-security'].map((tail) => codename + tail)
  return files
    .flatMap(({ name, text }) => (name.endsWith('.sources') ? text.split(/\n\s*\n/).flatMap(fromStanza) : text.split('\n').flatMap(fromLine)))
    .map((source) => ({ ...source, suites: source.suites.filter((suite) => suites.includes(suite)) }))
    .filter((source) => source.suites.length > 0 && source.components.split(' ').includes('main'))
}

function fromStanza(text: string): Source[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#')).join('\n')
  const field = (name: string) => lines.match(new RegExp(`^${name}:(.*(?:\n[ \t].*)*)`, 'im'))?.[1]?.trim()
  const [types, uris, suites, components, signedBy] = [field('Types'), field('URIs'), field('Suites'), field('Components'), field('Signed-By')]
  if (!types?.split(/\s+/).includes('deb') || !uris || !suites || !components || field('Enabled') === 'no') return []
  return [{ uris, suites: suites.split(/\s+/), components: components.replace(/\s+/g, ' '), ...(signedBy && { signedBy: signedBy.replace(/\n/g, '\n ') }) }]
}

function fromLine(line: string): Source[] {
  const [, options = '', uris, suite, components] = line.match(/^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/) ?? []
  if (!uris || !suite || !components) return []
  const signedBy = options.match(/signed-by=(\S+)/)?.[1]?.replaceAll(',', ' ')
  return [{ uris, suites: [suite], components: components.trim().replace(/\s+/g, ' '), ...(signedBy && { signedBy }) }]
}

const toStanza = (source: Source) =>
  `Types: deb\nURIs: ${source.uris}\nSuites: ${source.suites.join(' ')}\nComponents: ${source.components}\n${source.signedBy ? `Signed-By: ${source.signedBy}\n` : ''}`

/** The last suite that still has Consul under a free licence; apt prefers a newer one wherever the machine's own suite has it. */
const LAST_WITH_CONSUL = { debian: { suites: ['bullseye'], components: 'main' }, ubuntu: { suites: ['jammy'], components: 'main universe' } }

/** Names of the machine's own archives, plus the one that Consul comes from. */
export function sourcesFor(own: Source[], { family }: Distribution, needsConsul: boolean): Source[] {
  const main = own.find((source) => !source.suites.some((suite) => suite.endsWith('-security')))
  return needsConsul && main ? [...own, { ...main, ...LAST_WITH_CONSUL[family] }] : own
}

/**
 * Package names to download: the roots and, of what they depend on, libraries, Erlang's applications and the server
 * behind the name `postgresql`. A library that the machine has is not brought twice; Erlang is always whole. Tools that only maintainer scripts need stay out, and
 * LLVM, because PostgreSQL runs without its just-in-time compiler. Reads the output of `apt-cache depends --recurse`.
 */
export function packagesToBring(roots: string[], depends: string, installed: ReadonlySet<string>): string[] {
  const graph = new Map<string, string[]>()
  let of: string[] = []
  let isAlternative = false
  for (const line of depends.split('\n')) {
    const dependency = line.match(/^ ([ |])(?:Pre)?Depends: (\S+)/)
    if (/^\S/.test(line)) graph.set(line.trim(), (of = []))
    else if (dependency) {
      if (!isAlternative) of.push(dependency[2] as string)
      isAlternative = dependency[1] === '|'
    }
  }
  const wanted = new Set<string>()
  const visit = (name: string) => {
    if (wanted.has(name) || !graph.has(name)) return
    wanted.add(name)
    for (const next of graph.get(name) ?? [])
      if (/^(erlang-|postgresql-\d+$)/.test(next) || (/^lib(?!llvm|perl|python|tcl)/.test(next) && !installed.has(next))) visit(next)
  }
  roots.forEach(visit)
  return [...wanted].sort()
}

const readIfThere = (path: string) => readFile(path, 'utf8').catch(() => '')

export const readDistribution = async () => parseDistribution(await readIfThere('/etc/os-release'))

async function readSources(distribution: Distribution): Promise<Source[]> {
  const parts = await readdir('/etc/apt/sources.list.d').catch(() => [] as string[])
  const paths = ['/etc/apt/sources.list', ...parts.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join('/etc/apt/sources.list.d', name))]
  return ownSources(await Promise.all(paths.map(async (name) => ({ name, text: await readIfThere(name) }))), distribution)
}

/** `failure`: what apt said last about an archive that it could not read. */
export type Brought = { parts: string[]; failure?: string }

/** Unpacks each part (name → packages it starts from) into `folder(part)`. Parts that no archive has are left out of the answer. */
export async function bringPackages(parts: Map<string, string[]>, folder: (part: string) => string, onProgress: (text: string) => void): Promise<Brought> {
  const distribution = await readDistribution()
  if (!distribution) return { parts: [] }
  const state = await mkdtemp(join(tmpdir(), 'shop-apt-'))
  try {
    const options = ['-q', '-o', `Dir::Etc::sourcelist=${state}/none`, '-o', `Dir::Etc::sourceparts=${state}/sources.d`, '-o', `Dir::State::lists=${state}/lists`, '-o', `Dir::Cache=${state}/cache`,
      '-o', 'Debug::NoLocking=1', '-o', 'Acquire::Languages=none', '-o', 'APT::Sandbox::User=', '-o', 'Acquire::Retries=3']
    const apt = (tool: string, ...args: string[]) => run('env', ['LC_ALL=C', tool, ...options, ...args], { cwd: state })
    for (const path of ['sources.d', 'lists/partial', 'cache/archives/partial']) await mkdir(join(state, path), { recursive: true })
    const own = await readSources(distribution)
    let failure: string | undefined
    // Of several versions (own, security, the other suite) apt takes the newest; what the machine has does not count.
    const known = async (names: string[]) => {
      const stanzas = await apt('apt-cache', 'show', '--no-all-versions', ...names).catch(() => '')
      return names.every((name) => new RegExp(`^Package: ${name}$`, 'm').test(stanzas))
    }
    onProgress('reading the package lists')
    await writeFile(join(state, 'sources.d', 'shop.sources'), sourcesFor(own, distribution, parts.has('consul')).map(toStanza).join('\n'))
    await apt('apt-get', '-o', 'APT::Update::Error-Mode=any', 'update').catch((error: Error) => { failure = error.message.match(/^[EW]: (.*)/m)?.[1] ?? error.message })
    const found: string[] = []
    for (const part of parts.keys()) if (await known(parts.get(part) as string[])) found.push(part)
    const depends = found.length === 0 ? '' : await apt('apt-cache', 'depends', '--recurse', '--no-recommends', '--no-suggests', '--no-conflicts', '--no-breaks', '--no-replaces', '--no-enhances',
      ...found.flatMap((part) => parts.get(part) as string[]))
    const status = await run('dpkg-query', ['-W', '-f', '${db:Status-Abbrev} ${Package}\n'])
    const installed = new Set([...status.matchAll(/^ii\s+(\S+)$/gm)].map(([, name]) => name as string))
    for (const part of found) {
      const names = packagesToBring(parts.get(part) as string[], depends, installed)
      const debs = join(state, part)
      await mkdir(debs)
      onProgress(`downloading ${part} (${names.length} ${names.length === 1 ? 'package' : 'packages'})`)
      await run('env', ['LC_ALL=C', 'apt-get', ...options, 'download', ...names], { cwd: debs })
      onProgress(`unpacking ${part}`)
      const queue = (await readdir(debs)).filter((name) => name.endsWith('.deb'))
      const unpackNext = async (): Promise<void> => {
        const deb = queue.pop()
        if (!deb) return
        await run('dpkg', ['-x', join(debs, deb), folder(part)])
        return unpackNext()
      }
      await Promise.all([unpackNext(), unpackNext()])
    }
    return { parts: found, failure }
  } finally {
    await rm(state, { recursive: true, force: true })
  }
}
