import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, copyFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { tmpdir } from 'node:os'
import { afterAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const copy = mkdtempSync(join(tmpdir(), 'boundaries-'))
afterAll(() => rmSync(copy, { recursive: true, force: true }))

/** A small tree with one import in it, judged by the project's own rules. */
function judge(from: string, to: string): string {
  rmSync(copy, { recursive: true, force: true })
  for (const file of [from, to]) if (!file.startsWith('node_modules/')) mkdirSync(dirname(join(copy, file)), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) copyFileSync(join(root, file), join(copy, file))
  const path = to.startsWith('node_modules/') ? to.split('/')[1]! : `${'../'.repeat(from.split('/').length - 1)}${to}`
  if (!to.startsWith('node_modules/')) writeFileSync(join(copy, to), 'export const x = 1\n')
  writeFileSync(join(copy, from), `import * as y from '${path}'\nexport const z = y\n`)
  const folders = [...new Set([from, to].map((file) => file.split('/')[0]!))].filter((folder) => folder !== 'node_modules')
  const answer = spawnSync(process.execPath, [join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'), '--config', '.dependency-cruiser.cjs', '--output-type', 'err', ...folders], { cwd: copy, encoding: 'utf8' })
  return `${answer.stdout}${answer.stderr}`
}

test.each([
  ['domain-is-pure', 'services/order/domain/saga.ts', 'services/order/store.ts'],
  ['domain-is-pure', 'services/order/domain/saga.ts', 'infra/chassis/store.ts'],
  ['services-are-strangers', 'services/order/billing.ts', 'services/billing/store.ts'],
  ['services-are-strangers', 'services/order/main.ts', 'infra/deploy/system.ts'],
  ['gateway-knows-the-chassis-only', 'gateway/edge/main.ts', 'services/order/store.ts'],
  ['nobody-imports-the-lab', 'gateway/micro/main.ts', 'infra/lab/micro.ts'],
  ['e2e-knows-doors-only', 'e2e/journeys/buy.ts', 'services/order/store.ts'],
  ['chassis-knows-nobody', 'infra/chassis/store.ts', 'gateway/pipeline.ts'],
  ['micro-and-edge-are-apart', 'gateway/micro/main.ts', 'gateway/edge/main.ts'],
  ['no-registry-code-in-services', 'services/order/main.ts', 'node_modules/consul'],
])('%s refuses %s → %s', (rule, from, to) => expect(judge(from, to)).toContain(rule))

test('an allowed import passes', () => expect(judge('services/order/main.ts', 'infra/chassis/store.ts')).toContain('no dependency violations'))
