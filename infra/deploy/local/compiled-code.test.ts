import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { compileOnce } from './compiled-code.ts'

let root: string
const compiler = join(import.meta.dirname, 'compile.ts')
const own = process.getuid!()
const program = () => join(root, 'repo/infra/main.ts')
const compile = () => compileOnce({
  repo: join(root, 'repo'), folder: join(root, 'code'), seen: join(root, 'code'), programs: [program()], uids: [own, 4_711], compiler,
  confinement: { confine: ({ file, args }, uid) => ({ file, args, ...(own === 0 && { uid, gid: uid }) }), started() {}, ended() {}, losses: [] },
})

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'compiled-code-')))
  spawnSync('chmod', ['755', root])
  for (const folder of ['gateway', 'services', 'infra']) mkdirSync(join(root, 'repo', folder), { recursive: true })
  writeFileSync(join(root, 'repo/package-lock.json'), '{}')
  writeFileSync(join(root, 'repo/infra/part.ts'), 'export const part: string = \'a part\'\n')
  writeFileSync(program(), `import { part } from './part.ts'\nconst said: string = part\nprocess.stdout.write(said)\nif (!process.argv[2]) process.exit(78)\n`)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** What Node says of its cache while it runs the program. */
const run = () => {
  const { stdout, stderr } = spawnSync(process.execPath, [program(), 'run'], { env: { NODE_COMPILE_CACHE: join(root, 'code'), NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }, encoding: 'utf8' })
  return { stdout, isHit: stdout.includes('a part') && /cache for .*part\.ts.* was accepted/.test(`${stdout}${stderr}`) }
}

test('S13.3 each user id finds the code, and nobody but its owner can write it', () => {
  compile()
  const folder = join(root, 'code')
  const made = readdirSync(folder).filter((name) => name !== 'stamp')
  expect(made.filter((name) => name.endsWith('-4711'))).toHaveLength(1)
  expect(made.filter((name) => name.endsWith(`-${own}`))).toHaveLength(1)
  const real = made.find((name) => lstatSync(join(folder, name)).isDirectory())!
  expect(readdirSync(join(folder, real)).length).toBeGreaterThan(1)
  for (const path of [folder, join(folder, real), ...readdirSync(join(folder, real)).map((name) => join(folder, real, name))]) {
    expect(statSync(path).uid).toBe(own)
    expect(statSync(path).mode & 0o022).toBe(0)
    expect(statSync(path).mode & 0o004).toBe(0o004)
  }
  expect(run().isHit).toBe(true)
})

test('made anew only when a source changed', () => {
  compile()
  const marker = join(root, 'code/marker')
  writeFileSync(marker, '')
  compile()
  expect(existsSync(marker)).toBe(true)
  utimesSync(program(), new Date(), new Date(Date.now() + 5_000))
  compile()
  expect(existsSync(marker)).toBe(false)
})

test('a program that does not compile costs nothing but time', () => {
  writeFileSync(program(), 'const = 1\n')
  expect(compile).not.toThrow()
})
