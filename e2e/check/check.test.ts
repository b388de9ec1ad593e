import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('npm run check: types, lint, boundaries, unused code, licences and the strategy map hold', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts')], { encoding: 'utf8' })
  expect(stdout.split('\n').filter((line) => !line.startsWith('ok')).join('\n')).toMatch(/^\d+ passed, 0 failed\s*$/)
  expect(status).toBe(0)
}, 240_000)
