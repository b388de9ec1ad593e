import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LaunchDocument } from '@shop/chassis/launch.ts'
import type { Confinement } from './confine.ts'
import { createSupervisor, type Spec, type Supervisor } from './supervisor.ts'

let folder: string
let supervisor: Supervisor
let recorded: string[]
const unconfined: Confinement = { confine: ({ file, args }) => ({ file, args }), started: () => {}, ended: () => {}, losses: [] }

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'supervisor-'))
  supervisor = createSupervisor(folder, unconfined, (children) => { recorded = children.map(({ name }) => name) })
})
afterEach(async () => {
  for (const { name } of supervisor.list()) await supervisor.stop(name)
  rmSync(folder, { recursive: true })
})

/** A shell that reads its launch document and says that it is ready, unless the script says otherwise. */
const shell = (name: string, script: string, launches: number[] = []): Spec => ({
  name, uid: 0,
  async prepare() {
    launches.push(Date.now())
    return { launch: { process: name } as LaunchDocument, program: { file: '/bin/sh', args: ['-c', script], cwd: folder, env: { PATH: '/usr/bin:/bin' } } }
  },
})
const SERVE = 'cat <&3 > launch.json; echo ready >&4; exec sleep 60'
const child = (name: string) => supervisor.list().find((one) => one.name === name)

test('a child gets its launch document on descriptor 3 and is ready when it says so on descriptor 4', async () => {
  await supervisor.start(shell('edge', SERVE))
  expect(JSON.parse(readFileSync(join(folder, 'launch.json'), 'utf8'))).toEqual({ process: 'edge' })
  expect(child('edge')).toMatchObject({ state: 'ready', restarts: 0 })
  expect(recorded).toEqual(['edge'])
})

test('a child that dies is started again, with a launch document of its own', async () => {
  const launches: number[] = []
  await supervisor.start(shell('edge', SERVE, launches))
  process.kill(child('edge')?.pid as number, 'SIGKILL')
  await vi.waitFor(() => expect(child('edge')).toMatchObject({ state: 'ready', restarts: 1 }), { timeout: 8_000 })
  expect(launches).toHaveLength(2)
})

test('a successor is alone once the one before it is gone; a child without one as soon as it serves', async () => {
  const seen: string[] = []
  const specOf = (who: string, script = SERVE): Spec => ({ ...shell('access', script), alone: () => void seen.push(`${who} beside ${recorded.length - 1}, ${child('access')?.state}`) })
  await supervisor.start(specOf('first'))
  const { pid } = child('access')!
  await supervisor.replace(specOf('second'))
  expect(() => process.kill(pid!, 0)).toThrow('ESRCH')
  await expect(supervisor.replace(specOf('third', 'exit 78'))).rejects.toThrow('does not come up')
  process.kill(child('access')!.pid!, 'SIGKILL')
  await vi.waitFor(() => expect(seen).toEqual(['first beside 0, ready', 'second beside 0, ready', 'second beside 0, ready']), { timeout: 8_000 })
})

test('one that never comes up is given up after three tries, with its last words', async () => {
  const launches: number[] = []
  await expect(supervisor.start(shell('edge', 'echo "port is taken" >&2; exit 78', launches))).rejects.toThrow(/edge does not come up: exit status 78[\s\S]*port is taken/)
  expect(launches).toHaveLength(3)
  expect(child('edge')).toMatchObject({ state: 'failing', lastLines: ['port is taken'] })
})

test('one that keeps dying says so and why', async () => {
  writeFileSync(join(folder, 'good'), '')
  await supervisor.start(shell('edge', `[ -f good ] && rm good && { ${SERVE}; }; echo "no database"; exit 1`))
  process.kill(child('edge')?.pid as number, 'SIGKILL')
  await vi.waitFor(() => expect(child('edge')).toMatchObject({ state: 'failing', reason: 'exit status 1' }), { timeout: 8_000 })
}, 10_000)

test('a stopped child stays stopped', async () => {
  await supervisor.start(shell('edge', SERVE))
  await supervisor.stop('edge')
  expect(child('edge')).toMatchObject({ state: 'stopped' })
  expect(recorded).toEqual([])
})

test('a successor serves before the old one is told to go', async () => {
  await supervisor.start(shell('edge', 'trap "cat successor > seen; exit 0" TERM; cat <&3 >/dev/null; echo ready >&4; while :; do sleep 0.05; done'))
  await supervisor.replace(shell('edge', 'echo served > successor; cat <&3 >/dev/null; echo ready >&4; exec sleep 60'))
  expect(readFileSync(join(folder, 'seen'), 'utf8')).toBe('served\n')
  expect(child('edge')).toMatchObject({ state: 'ready', restarts: 0 })
})

test('a successor that does not come up leaves the old one in place', async () => {
  await supervisor.start(shell('edge', SERVE))
  const before = child('edge')?.pid
  await expect(supervisor.replace(shell('edge', 'exit 1'))).rejects.toThrow('edge does not come up')
  expect(child('edge')).toMatchObject({ state: 'ready', pid: before })
})
