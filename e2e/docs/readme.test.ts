import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endpointsFile } from '../shop.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** `<!-- run -->` or `<!-- run until it fits -->`, then a sh block; lines that begin with `#> ` are in its output. */
const blocks = [...readme.matchAll(/^<!-- (run(?: until it fits)?) -->\n```sh\n([\s\S]*?)^```$/gm)].map(([, mark, code]) => ({
  isRepeated: mark !== 'run', code: code!, expected: [...code!.matchAll(/^#> (.*)$/gm)].map(([, text]) => text!),
}))

/** One shell for all blocks, as a person has one terminal. */
let shell: ReturnType<typeof spawn>
let said = ''
beforeAll(() => {
  shell = spawn('bash', ['-eu', '-o', 'pipefail'], { cwd: root, env: { ...process.env, SHOP_ENDPOINTS: endpointsFile }, stdio: ['pipe', 'pipe', 'pipe'] })
  for (const stream of [shell.stdout!, shell.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => { said += text })
})
afterAll(() => { shell.stdin!.end() })

async function type(code: string): Promise<string> {
  const mark = `done-${Math.random()}`
  said = ''
  shell.stdin!.write(`${code}\necho '${mark}' >&2; echo '${mark}'\n`)
  while (said.split(mark).length < 3) {
    if (shell.exitCode !== null) throw new Error(`the shell ended with ${shell.exitCode}:\n${said}`)
    await sleep(20)
  }
  return said.replaceAll(mark, '')
}

test.each(blocks)('the tour: $code', async ({ code, expected, isRepeated }) => {
  const until = Date.now() + (isRepeated ? 30_000 : 0)
  let output = await type(code)
  const lacks = () => expected.filter((text) => !output.includes(text))
  while (lacks().length > 0 && Date.now() < until) output = await type(code)
  expect(lacks(), output).toEqual([])
})

test('the tour has not lost its marks', () => expect(blocks.length).toBeGreaterThanOrEqual(7))

test('it is short, and line one says that it needs no Docker', () => {
  expect(readme.split('\n').length).toBeLessThanOrEqual(200)
  expect(readme.split('\n')[0]).toContain('without Docker')
})

const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...['strategies', 'problems', 'lifecycle', 'threat-model', 'support', 'testing'].map((name) => `docs/${name}.md`)]
test.each(pages)('what %s names exists', (page) => {
  const text = readFileSync(join(root, page), 'utf8')
  const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => join(page, '..', path!))
  const files = [...text.matchAll(/`((?:docs|e2e|gateway|infra|services)\/[\w./-]+)`/g)].map(([, path]) => path!).filter((path) => !/[A-Z]{4}/.test(path) || path.endsWith('.md'))
  expect([...links, ...files].filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test('each command that is named is one', () => {
  const scripts = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts)
  const named = pages.flatMap((page) => [...readFileSync(join(root, page), 'utf8').matchAll(/npm run ([a-z][\w:-]*)/g)].map(([, name]) => name!))
  expect([...new Set(named)].filter((name) => !scripts.includes(name))).toEqual([])
})
