/** Starts the programs of the bench, and talks to the generator. */
import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command, Told } from './generator.ts'

const children: ChildProcess[] = []

function start(file: string, flags: string[]): ChildProcess {
  const child = fork(join(import.meta.dirname, file), { execArgv: flags, env: { PATH: '/usr/bin:/bin', MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '2097152' }, serialization: 'advanced' })
  children.push(child)
  return child
}

const say = <Answer>(child: ChildProcess, message: object): Promise<Answer> => new Promise((resolve, reject) => {
  const died = (code: number | null) => reject(new Error(`${child.spawnargs.at(-1)} ended with ${code}`))
  child.once('exit', died).once('message', (answer) => {
    child.off('exit', died)
    resolve(answer as Answer)
  })
  child.send(message)
})

/** Node's own options of a running process: its counterpart gets the same, as memory settings are no control. */
const flagsOf = (pid: number): string[] => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter((word) => word.startsWith('--'))

/** Starts the counterpart of process `like` (its pid). Resolves when it listens. */
export async function startBare(file: string, told: object, like: number): Promise<{ pid: number; port: number }> {
  const child = start(file, flagsOf(like))
  const { port } = await say<{ port: number }>(child, told)
  return { pid: child.pid!, port }
}

export type Generator = (command: Command) => Promise<Told>
export function startGenerator(): Generator {
  const child = start('generator.ts', [])
  return (command) => say<Told>(child, command)
}

/** A program that is not ours, ended with the rest. */
export const keep = (child: ChildProcess): void => void children.push(child)

export function endChildren(): void {
  for (const child of children) child.kill()
}
