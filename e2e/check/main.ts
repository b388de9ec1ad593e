/** `npm run check`: what must hold of the tree without running the shop. All checks run; the first failure does not hide the others. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { licences } from './licences.ts'
import { strategyMap } from './strategy-map.ts'

const root = join(import.meta.dirname, '../..')
const tool = (path: string, ...args: string[]) => () => run(process.execPath, [join(root, 'node_modules', path), ...args])

const checks: Record<string, () => Promise<string[]>> = {
  types: tool('typescript7/bin/tsc', '-p', '.'),
  lint: tool('@biomejs/biome/bin/biome', 'lint', '--diagnostic-level=warn', '--error-on-warnings', '.'),
  boundaries: tool('dependency-cruiser/bin/dependency-cruiser.mjs', '--config', '.dependency-cruiser.cjs', '--output-type', 'err', 'services', 'gateway', 'infra', 'e2e'),
  'unused code': tool('knip/bin/knip.js', '--no-progress'),
  licences: async () => licences(root),
  'strategy map': async () => strategyMap(root),
}

/** Resolves with what is wrong; empty when nothing is. */
function run(command: string, args: string[]): Promise<string[]> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { said += text })
    child.on('error', (error) => resolve([error.message]))
    child.on('close', (status) => resolve(status === 0 ? [] : [said.trim() || `ended with ${status}`]))
  })
}

let failed = 0
for (const [name, check] of Object.entries(checks)) {
  const started = Date.now()
  const wrong = await check()
  console.log(`${wrong.length ? 'FAILED' : 'ok    '}  ${name}  ${((Date.now() - started) / 1000).toFixed(1)} s`)
  for (const line of wrong) console.log(line.replaceAll(/^/gm, '        '))
  if (wrong.length) failed++
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
