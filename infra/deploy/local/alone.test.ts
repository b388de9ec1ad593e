import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { beAlone } from './alone.ts'

let folder: string
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'alone-')) })
afterEach(() => rmSync(folder, { recursive: true }))

/** Another process that wants the same checkout, and is killed as soon as it has it. */
const another = () => spawnSync(process.execPath, ['--input-type=module', '-e', `import { beAlone } from ${JSON.stringify(join(import.meta.dirname, 'alone.ts'))}
  beAlone(${JSON.stringify(folder)}); process.kill(process.pid, 'SIGKILL')`], { encoding: 'utf8' })

test('of two starts at once one is told, before it ends what the other began', () => {
  beAlone(folder)
  expect(another().stderr).toContain('Another command is bringing this checkout')
})

test('a killed one leaves nothing that would be in the way', () => {
  expect(another().signal).toBe('SIGKILL')
  beAlone(folder)
})
