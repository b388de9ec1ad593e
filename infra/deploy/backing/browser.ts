/**
 * A browser for the journeys: Chromium or Chrome of the machine, else of the project's cache, else brought there from
 * Debian's packages; with it certutil, which lets the browser trust the doors' CA as a person would.
 */
import { glob, writeFile } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import { readDistribution } from './apt.ts'
import { bringIntoCache, isWhole } from './cache.ts'
import { run } from './run.ts'

/** `certutil`: absent on macOS, where the browser has no certificate database of its own. `env`: for both programs. */
export type Browser = { path: string; certutil?: string; env: Record<string, string> }
export type BrowserOptions = { cacheDir: string; onProgress?: (text: string) => void }
type Tool = 'browser' | 'certutil'
type Place = { path: string; env: Record<string, string> }

const PACKAGES: Record<Tool, string[]> = { browser: ['chromium', 'chromium-common', 'fonts-liberation'], certutil: ['libnss3-tools'] }
const NAMES: Record<Tool, string[]> = { browser: ['chromium', 'google-chrome-stable', 'google-chrome', 'chromium-browser'], certutil: ['certutil'] }
const MACOS = ['Google Chrome', 'Chromium'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`)
const UNPACKED: Record<Tool, string> = { browser: 'usr/lib/chromium/chromium', certutil: 'usr/bin/certutil' }

/** Relative, because the folder moves once it was tried; the machine's own fonts count too. */
const FONTS = `<?xml version="1.0"?>
<fontconfig>
<dir prefix="relative">usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir prefix="xdg">fontconfig</cachedir>
<alias><family>monospace</family><prefer><family>Liberation Mono</family></prefer></alias>
<match target="pattern"><edit name="family" mode="append_last"><string>Liberation Sans</string></edit></match>
</fontconfig>
`

/** Whether the program works: it counts by what it says of itself. A snap sees neither the profile nor the files of a test. */
async function tryOut(tool: Tool, { path, env }: Place): Promise<boolean> {
  const all = { PATH: '/usr/bin:/bin', HOME: '/nonexistent', ...env }
  if (tool === 'browser') return run(path, ['--version'], { env: all, timeoutMs: 60_000 }).then((says) => /^(Chromium|Google Chrome) \d+/m.test(says) && !/snap/.test(says), () => false)
  return run(path, ['-L', '-d', '/nonexistent'], { env: all, timeoutMs: 60_000 }).then(() => true, (error: Error) => /SEC_ERROR/.test(error.message))
}

async function onMachine(tool: Tool): Promise<Place | undefined> {
  const named = await Promise.all(NAMES[tool].map(async (name) => (await run('sh', ['-c', `command -v ${name}`]).catch(() => '')).trim()))
  for (const path of [...named, ...(tool === 'browser' && platform() === 'darwin' ? MACOS : [])].filter(Boolean)) {
    const place = { path, env: {} }
    if (await tryOut(tool, place)) return place
  }
}

async function below(tool: Tool, root: string): Promise<Place> {
  const libraries: string[] = []
  for await (const folder of glob(['usr/lib/*-linux-gnu*', 'usr/lib/*-linux-gnu*/{nss,pulseaudio}', 'lib/*-linux-gnu*'].map((pattern) => join(root, pattern)))) libraries.push(folder)
  return { path: join(root, UNPACKED[tool]), env: { ...(libraries.length > 0 && { LD_LIBRARY_PATH: libraries.join(':') }), ...(tool === 'browser' && { FONTCONFIG_FILE: join(root, 'fonts.conf') }) } }
}

/** Throws with the loader's words when something that it needs is neither on the machine nor brought. */
async function prove(tool: Tool, root: string): Promise<void> {
  const place = await below(tool, root)
  const lacking = (await run('ldd', [place.path], { env: { PATH: '/usr/bin:/bin', ...place.env } })).split('\n').filter((line) => line.includes('not found'))
  if (lacking.length > 0) throw new Error(`${tool} lacks ${lacking.map((line) => line.trim()).join(', ')}`)
  if (tool === 'browser') await writeFile(join(root, 'fonts.conf'), FONTS)
  if (!(await tryOut(tool, place))) throw new Error(`what was unpacked for ${tool} does not run on this machine`)
}

/** Finds a browser or brings one. Throws one error that says how to get it. */
export async function ensureBrowser({ cacheDir, onProgress = () => {} }: BrowserOptions): Promise<Browser> {
  const distribution = await readDistribution()
  const wanted: Tool[] = platform() === 'darwin' ? ['browser'] : ['browser', 'certutil']
  const found = new Map<Tool, Place>()
  const folder = (tool: Tool) => join(cacheDir, `${tool}-${distribution?.codename ?? 'none'}-${arch()}`)
  const look = async (tool: Tool) => {
    const place = (await onMachine(tool)) ?? ((await isWhole(folder(tool))) && (await prove(tool, folder(tool)).then(() => true, () => false)) ? await below(tool, folder(tool)) : undefined)
    if (place) found.set(tool, place)
  }
  const missing = () => wanted.filter((tool) => !found.has(tool))
  await Promise.all(wanted.map(look))
  let reason = distribution ? 'the package archives of this machine do not have it' : 'this system is not Debian or Ubuntu, so it is not fetched by itself'
  if (missing().length > 0 && distribution) {
    const recipes = new Map(missing().map((tool) => [tool as string, { packages: PACKAGES[tool], folder: folder(tool), prove: (root: string) => prove(tool, root) }]))
    reason = (await bringIntoCache(recipes, cacheDir, onProgress).catch((error: Error) => error.message)) ?? reason
    await Promise.all(missing().map(look))
  }
  if (missing().length > 0) throw new Error(describeNoBrowser(missing(), reason))
  const certutil = found.get('certutil')
  const browser = found.get('browser') as Place
  return { path: browser.path, ...(certutil && { certutil: certutil.path }), env: { ...browser.env, ...joined(browser.env, certutil?.env ?? {}) } }
}

const joined = (...envs: Record<string, string>[]): Record<string, string> => {
  const libraries = envs.map((env) => env['LD_LIBRARY_PATH']).filter(Boolean).join(':')
  return libraries ? { LD_LIBRARY_PATH: libraries } : {}
}

export function describeNoBrowser(missing: string[], reason: string): string {
  return [
    `The browser tests need ${missing.map((tool) => (tool === 'browser' ? 'Chromium or Chrome' : 'certutil (NSS)')).join(' and ')}: not found on this machine (${reason}).`,
    'Get it with the line for your system, then start again:',
    '  Debian   sudo apt-get update && sudo apt-get install --no-install-recommends chromium libnss3-tools',
    '  Ubuntu   sudo apt-get install libnss3-tools, and Google Chrome from https://www.google.com/chrome (a snap cannot be used)',
    '  Fedora   sudo dnf install chromium nss-tools',
    '  macOS    brew install --cask google-chrome',
  ].join('\n')
}
