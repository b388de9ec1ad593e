import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { endOrphans, identify, liveRunner, startOf, writeRecord } from './orphans.ts'

let folder: string
const started: number[] = []
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'orphans-')) })
afterEach(() => {
  rmSync(folder, { recursive: true })
  for (const pid of started.splice(0)) if (startOf(pid)) process.kill(pid, 'SIGKILL')
})

function sleeper(): number {
  const { pid } = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  started.push(pid as number)
  return pid as number
}

test('what a killed runner left is ended', async () => {
  const pid = sleeper()
  writeRecord(folder, '/run/control', [identify('edge', pid)])
  expect(await endOrphans(folder)).toEqual(['edge'])
  expect(startOf(pid)).toBeNull()
})

test('a pid that another process has by now is left alone', async () => {
  const pid = sleeper()
  writeRecord(folder, '/run/control', [{ ...identify('edge', pid), start: '1' }])
  expect(await endOrphans(folder)).toEqual([])
  expect(startOf(pid)).not.toBeNull()
})

test('a record of an earlier boot counts for nothing', async () => {
  const pid = sleeper()
  writeRecord(folder, '/run/control', [identify('edge', pid)])
  const file = join(folder, 'runner.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), bootId: 'another' }))
  expect(liveRunner(folder)).toBeUndefined()
  expect(await endOrphans(folder)).toEqual([])
})

test('a runner that lives is known', () => {
  writeRecord(folder, '/run/control', [])
  expect(liveRunner(folder)?.runner.pid).toBe(process.pid)
})
