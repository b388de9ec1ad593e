/** What a killed runner may have left: written down at each spawn, found and ended at the next start. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { z } from 'zod'
import { readOwn } from './files.ts'

const identity = z.object({ name: z.string(), pid: z.int(), start: z.string() })
const record = z.object({ bootId: z.string(), control: z.string(), runner: identity, children: z.array(identity) })
export type RunnerRecord = z.infer<typeof record>
export type ProcessIdentity = z.infer<typeof identity>

const fileOf = (shopDir: string) => join(shopDir, 'runner.json')
const bootId = () => existsSync('/proc/sys/kernel/random/boot_id') ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : 'one'

/** A pid alone may have been given to another process meanwhile; with its start time it has not. Null when gone or a zombie. */
export function startOf(pid: number): string | null {
  try {
    if (process.platform !== 'linux') return execFileSync('ps', ['-o', 'lstart=', '-p', `${pid}`], { encoding: 'utf8' }).trim() || null
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return fields[0] === 'Z' ? null : fields[19] ?? null // field 22, counted after the name
  } catch {
    return null
  }
}

export const identify = (name: string, pid: number): ProcessIdentity => ({ name, pid, start: startOf(pid) ?? '' })

export function writeRecord(shopDir: string, control: string, children: ProcessIdentity[]): void {
  const content: RunnerRecord = { bootId: bootId(), control, runner: identify('runner', process.pid), children }
  const beside = `${fileOf(shopDir)}.new`
  writeFileSync(beside, JSON.stringify(content), { mode: 0o600 })
  renameSync(beside, fileOf(shopDir))
}

function readRecord(shopDir: string): RunnerRecord | undefined {
  if (!existsSync(fileOf(shopDir))) return undefined
  const found = record.safeParse(readOwn(fileOf(shopDir), 'It says what runs: end that, remove the file, and start again.'))
  return found.success && found.data.bootId === bootId() ? found.data : undefined
}

const isSame = ({ pid, start }: ProcessIdentity) => startOf(pid) === start

/** The record of a runner that is alive, or undefined. */
export function liveRunner(shopDir: string): RunnerRecord | undefined {
  const found = readRecord(shopDir)
  return found && isSame(found.runner) ? found : undefined
}

/** Kills children of a runner that is gone; answers their names once all are really gone. */
export async function endOrphans(shopDir: string): Promise<string[]> {
  const left = (readRecord(shopDir)?.children ?? []).filter(isSame)
  for (const { pid } of left) {
    try { process.kill(-pid, 'SIGKILL') } catch { /* it went by itself */ }
  }
  for (let waited = 0; left.some(isSame) && waited < 5000; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20))
  return left.map(({ name }) => name)
}
