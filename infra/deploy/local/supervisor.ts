/** Starts children, learns when they serve, restarts those that die, and stops them in order. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, statSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import type { LaunchDocument } from '@shop/chassis/launch.ts'
import type { Confinement, Program } from './confine.ts'
import { lastLines, logPath, openLog } from './logs.ts'
import { identify, type ProcessIdentity } from './orphans.ts'

export type Spec = {
  name: string
  uid: number
  /** Made anew for each start, because a launch document holds a one-time enrolment secret. */
  prepare(): Promise<{ program: Program; launch?: LaunchDocument }>
  /** For programs that do not report on descriptor 4: resolves when it serves, rejects to end it. */
  probe?(signal: AbortSignal): Promise<void>
  stopSignal?: NodeJS.Signals
  /** Ends it when a successor serves already; else the stop signal. */
  handoverSignal?: NodeJS.Signals
  /** It serves, and none that it took over from does. */
  alone?(): void
}

type State = 'starting' | 'ready' | 'waiting' | 'failing' | 'stopping' | 'stopped'
export type Child = { name: string; uid: number; state: State; pid?: number; restarts: number; since: number; reason?: string; lastLines?: string[] }

export type Supervisor = {
  /** Resolves when it serves for the first time; rejects with its last log lines when it dies thrice before. */
  start(spec: Spec): Promise<void>
  /** Starts the new one beside the old one, then lets the old one drain (SIGTERM). */
  replace(spec: Spec): Promise<void>
  signal(name: string, signal: NodeJS.Signals): void
  stop(name: string): Promise<void>
  list(): Child[]
}

type Entry = Child & { spec: Spec; /** Why we killed it. */ verdict?: string; /** Beside the one that it takes over from. */ isSuccessor?: boolean; process?: ChildProcess; identity?: ProcessIdentity; deaths: number[]; timer?: NodeJS.Timeout; first?: { resolve(): void; reject(error: Error): void } }

const READY_WITHIN_MS = 60_000
const STOP_WITHIN_MS = 12_000
/** So many deaths in a minute are no accident. */
const KEEPS_DYING = 5

export function createSupervisor(shopDir: string, confinement: Confinement, onChange: (children: ProcessIdentity[]) => void): Supervisor {
  const entries = new Map<string, Entry>()
  const changed = () => onChange([...entries.values()].flatMap(({ identity, process }) => identity && process ? [identity] : []))

  async function launch(entry: Entry): Promise<void> {
    entry.state = 'starting'
    entry.since = Date.now()
    const path = logPath(shopDir, entry.name)
    let from = 0
    let child: ChildProcess | undefined
    try {
      const { spec } = entry
      const { program, launch } = await spec.prepare()
      if (entry.state !== 'starting') return // stopped meanwhile
      const log = openLog(shopDir, entry.name)
      from = statSync(path).size
      const { file, args, uid, gid } = confinement.confine(program, spec.uid)
      child = spawn(file, args, { cwd: program.cwd, env: program.env, uid, gid, detached: true, stdio: ['pipe', log, log, launch ? 'pipe' : 'ignore', launch ? 'pipe' : 'ignore'] })
      closeSync(log)
      entry.process = child
      const started = child
      child.once('error', (error) => died(entry, started, error.message, from))
      child.once('exit', (code, signal) => died(entry, started, endOf(code, signal), from))
      if (child.pid === undefined) return
      entry.pid = child.pid
      entry.identity = identify(entry.name, child.pid)
      confinement.started(child.pid)
      changed()
      child.stdin?.on('error', () => {})
      if (launch) (child.stdio[3] as Writable).on('error', () => {}).end(JSON.stringify(launch))
      else child.stdin?.end()
      await within(READY_WITHIN_MS, (signal) => spec.probe ? spec.probe(signal) : reported(started, signal))
      if (entry.process !== child) return
      entry.state = 'ready'
      entry.since = Date.now()
      delete entry.reason
      entry.first?.resolve()
      delete entry.first
      if (!entry.isSuccessor) entry.spec.alone?.()
    } catch (error) {
      if (child && entry.process !== child) return // its end was handled when it came
      const why = (error as Error).message
      if (!child?.pid) return died(entry, undefined, why, from)
      entry.verdict = why
      killGroup(child.pid)
    }
  }

  function died(entry: Entry, child: ChildProcess | undefined, why: string, from: number): void {
    if (child?.pid) confinement.ended(child.pid)
    if (entry.process !== child) return // replaced: it was meant to go
    delete entry.process
    delete entry.identity
    delete entry.pid
    changed()
    if (entry.state === 'stopping' || entry.state === 'stopped') {
      entry.state = 'stopped'
      return
    }
    const now = Date.now()
    entry.deaths = [...entry.deaths.filter((at) => at > now - 60_000), now]
    entry.restarts += 1
    entry.reason = `${why}${entry.verdict ? ` (${entry.verdict})` : ''}`
    delete entry.verdict
    entry.lastLines = lastLines(logPath(shopDir, entry.name), 12, from)
    entry.state = entry.deaths.length >= KEEPS_DYING ? 'failing' : 'waiting'
    if (entry.first && entry.deaths.length >= 3) {
      entry.state = 'failing'
      entry.first.reject(new Error(`${entry.name} does not come up: ${entry.reason}\n${entry.lastLines.map((line) => `    ${line}`).join('\n')}`))
      delete entry.first
    }
    const isExpired = why === 'exit status 75' && entry.deaths.length < KEEPS_DYING
    entry.timer = setTimeout(() => void launch(entry), isExpired ? 0 : Math.min(100 * 2 ** entry.deaths.length, 15_000))
  }

  async function end(entry: Entry, child: ChildProcess | undefined, signal: NodeJS.Signals = entry.spec.stopSignal ?? 'SIGTERM'): Promise<void> {
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return
    const pid = child.pid
    const timer = setTimeout(() => killGroup(pid), STOP_WITHIN_MS)
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
    clearTimeout(timer)
  }

  return {
    start: (spec) => new Promise<void>((resolve, reject) => {
      const entry: Entry = { name: spec.name, uid: spec.uid, spec, state: 'starting', restarts: 0, since: Date.now(), deaths: [], first: { resolve, reject } }
      entries.set(spec.name, entry)
      void launch(entry)
    }),
    async replace(spec) {
      const entry = entries.get(spec.name)
      if (!entry) throw new Error(`There is no process '${spec.name}'`)
      const { process: old, spec: oldSpec } = entry
      clearTimeout(entry.timer)
      entry.isSuccessor = true
      try {
        await new Promise<void>((resolve, reject) => {
          Object.assign(entry, { spec, deaths: [], first: { resolve, reject } })
          void launch(entry)
        })
        await end(entry, old, oldSpec.handoverSignal ?? oldSpec.stopSignal)
      } catch (error) {
        clearTimeout(entry.timer)
        Object.assign(entry, { spec: oldSpec, deaths: [] })
        if (old && old.exitCode === null && old.signalCode === null) Object.assign(entry, { process: old, pid: old.pid, identity: identify(entry.name, old.pid as number), state: 'ready' })
        else void launch(entry)
        throw error
      } finally {
        entry.isSuccessor = false
      }
      spec.alone?.()
    },
    signal(name, signal) {
      entries.get(name)?.process?.kill(signal)
    },
    async stop(name) {
      const entry = entries.get(name)
      if (!entry) return
      clearTimeout(entry.timer)
      entry.state = 'stopping'
      await end(entry, entry.process)
      entry.state = 'stopped'
    },
    list: () => [...entries.values()].map(({ name, uid, state, pid, restarts, since, reason, lastLines: lines }) => ({ name, uid, state, restarts, since, ...(pid && { pid }), ...(state !== 'ready' && reason && { reason, lastLines: lines ?? [] }) })),
  }
}

const endOf = (code: number | null, signal: string | null) => signal ? `killed by ${signal}` : `exit status ${code}`

function killGroup(pid: number): void {
  try { process.kill(-pid, 'SIGKILL') } catch { /* gone */ }
}

function reported(child: ChildProcess, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    (child.stdio[4] as Readable).on('error', () => {}).once('data', () => resolve())
    child.once('exit', () => reject(new Error('ended before it was ready')))
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}

async function within(ms: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new Error(`not ready within ${ms / 1000} s`)), ms)
  try {
    await work(limit.signal)
  } finally {
    clearTimeout(timer)
  }
}
