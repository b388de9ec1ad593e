/** How each kind of process is started: our own by Node with a launch document, others by their spawn description. */
import { join } from 'node:path'
import type { LaunchDocument } from '@shop/chassis/launch.ts'
import type { SpawnSpec } from '../backing/spawn-spec.ts'
import type { Program } from './confine.ts'
import type { PlannedProcess } from './plan.ts'
import type { Pki } from './pki-client.ts'
import type { Site } from './site.ts'
import type { Spec } from './supervisor.ts'

export type Enroller = { pki: Pki; meshRoots: string; pkiOrigin: string }
/** What a lab variant changes: another entry point below infra/lab, and the name of the control that it leaves out. */
export type Variant = { entry: string; leftOut: string }

/** `describe` answers config and secrets of that moment; `enroller` is missing only for vault and pki, which come before enrolment. */
export function nodeSpec(site: Site, one: PlannedProcess, describe: () => { config: Record<string, unknown>; secrets?: Record<string, string> }, enroller?: Enroller, env: Record<string, string> = {}, variant?: Variant): Spec {
  return {
    name: one.name, uid: one.uid, ...((one.kind === 'micro-gateway' || one.kind === 'edge') && { handoverSignal: 'SIGUSR2' as const }),
    async prepare() {
      const { config, secrets = {} } = describe()
      const launch: LaunchDocument = {
        process: one.name, workload: one.workload, instance: one.instance, version: '1', names: site.names, secrets,
        config: variant ? { ...config, leftOut: variant.leftOut } : config,
      }
      if (enroller && one.certificates.length > 0)
        launch.enrolment = { pki: enroller.pkiOrigin, secret: await enroller.pki.register(one.name, one.workload, one.certificates), roots: enroller.meshRoots, certificates: one.certificates }
      return { launch, program: nodeProgram(site, one, variant ? `infra/lab/${variant.entry}` : one.entry as string, env) }
    },
  }
}

/**
 * A young generation sized for two dozen processes on a laptop: a third less memory, measured. Those that every request
 * goes through spent a third to a half of their time collecting one so small; theirs may grow when they are busy. Helper threads cost more
 * than they help: none copies young objects, and edge and exchange have none at all; everywhere that would weigh 170 MB. The edge's
 * old generation may grow by half before it is gone through, where V8 would allow it 4 MB. By a process's kind, or its name.
 */
const YOUNG_GENERATION: Record<string, string[]> = {
  edge: ['--single-threaded-gc', '--max-semi-space-size=16', '--heap-growing-percent=50'],
  exchange: ['--single-threaded-gc', '--max-semi-space-size=4'],
  'micro-gateway': ['--no-parallel-scavenge', '--max-semi-space-size=4'],
}
const youngGeneration = ({ kind, name }: PlannedProcess) => YOUNG_GENERATION[kind] ?? YOUNG_GENERATION[name] ?? ['--no-parallel-scavenge', '--max-semi-space-size=2']

/**
 * How glibc keeps what was freed. Left to itself it raises the threshold from which memory is mapped, and given back, to the
 * largest block that it has met: after a few passwords (argon2 takes 19 MB each) identity kept 50 MB for nothing.
 * @see https://man7.org/linux/man-pages/man3/mallopt.3.html
 */
const NATIVE_MEMORY = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '2097152' }

function nodeProgram(site: Site, one: PlannedProcess, entry: string, env: Record<string, string>): Program {
  return {
    file: site.see(process.execPath), args: [`--max-old-space-size=${one.memoryMb}`, ...youngGeneration(one), site.see(join(site.checkout.repo, entry))], cwd: site.stateFolder(one.name),
    env: { PATH: '/usr/bin:/bin', NODE_COMPILE_CACHE: site.codeFolder, ...NATIVE_MEMORY, ...env },
  }
}

/** A process that is not ours. `probe` resolves when it serves. */
export function backingSpec(one: PlannedProcess, spawn: SpawnSpec, probe: (signal: AbortSignal) => Promise<void>, before?: () => Promise<void>): Spec {
  return {
    name: one.name, uid: one.uid, probe, stopSignal: spawn.stopSignal,
    async prepare() {
      await before?.()
      return { program: { file: spawn.command, args: spawn.args, env: spawn.env, cwd: spawn.cwd } }
    },
  }
}

/** Asks again until the answer is true; rejects when told to stop or when asking throws. */
export async function until(isTrue: () => Promise<boolean>, signal: AbortSignal, everyMs = 100): Promise<void> {
  while (!(await isTrue())) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
