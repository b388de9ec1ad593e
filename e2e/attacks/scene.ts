/** What one phase of one attack works with. Everything is fresh: nobody meets another attack's traces. */
import { randomBytes } from 'node:crypto'
import type { Visitor } from '../shop.ts'
import type { Sign } from './detection.ts'
import type { Insider } from './insider.ts'

export type Trace = { traceId: string; traceparent: string }

export type Phase = 'on' | 'probe' | 'off' | 'again' | 'sentinel'

export type Scene = Trace & {
  /** Another trace, for the next of many requests inside the mesh. */
  trace(): Trace
  visitor(options?: { certificate?: string; privateKey?: string }): Visitor
  signIn(username: string): Promise<Visitor>
  /** Holds what someone with this workload's identity holds. Another `instance` has another certificate of the same identity. */
  insider(workload: string, instance?: string): Promise<Insider>
  /** Few repetitions will do. */
  isFast: boolean
  phase: Phase
  /** Says to whoever waits how far it is. */
  tell(progress: string): void
  /** Made once for all attacks of a phase: forgotten when a control is switched. */
  shared<T>(name: string, make: () => Promise<T>): Promise<T>
  /** Until the scene ends one instance of catalog does what its attacker wants: it notes what it hears, and tells all it knows. */
  takeOver(): Promise<void>
  /** Until the scene ends access decides by stricter rules: guests have no carts. For attacks that run alone. */
  changeRules(): Promise<void>
  /** What was seen, for the report. Live credentials are given as hashes. */
  note(evidence: Record<string, unknown>): void
  /** Something was refused, and an event must say so. Left out: as the attack's `stopped` says, by the control it names. */
  refused(sign: Sign): void
  /** Notes an answer; when it is a problem, its trace must have an event. `about`: what was asked, and what else is stated of the refusal. */
  answered(answer: { status: number; json?: any }, request: string, about?: Sign): void
}

export type SceneParts = Pick<Scene, 'visitor' | 'signIn' | 'insider' | 'isFast' | 'tell' | 'shared' | 'takeOver' | 'changeRules'>
export type Open = SceneParts & { close(): Promise<void> }

export const newTrace = (): Trace => {
  const traceId = randomBytes(16).toString('hex')
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` }
}

export type Played<T> = { result: T; signs: Sign[]; status: number | undefined; code: string | undefined }

/** Plays one phase and closes what it opened. `evidence` grows. */
export async function inScene<T>(open: () => Open, evidence: Record<string, unknown>[], phase: Phase, play: (scene: Scene) => Promise<T>): Promise<Played<T>> {
  const own = newTrace()
  const { close, ...parts } = open()
  const played: Played<T> = { result: undefined as T, signs: [], status: undefined, code: undefined }
  const note = (seen: Record<string, unknown>) => { evidence.push({ phase, traceId: own.traceId, ...seen }) }
  try {
    played.result = await play({
      ...own, ...parts, phase, trace: newTrace, note,
      refused: (sign) => { played.signs.push(sign) },
      answered({ status, json }, request, about = {}) {
        const { code, traceId } = json?.code && json?.status === status ? json : { code: undefined, traceId: undefined }
        note({ request, status, ...(code && { code }), ...(traceId && { traceId }) })
        if (!code) return
        Object.assign(played, { status, code })
        played.signs.push({ traceId: traceId ?? own.traceId, ...about })
      },
    })
    return played
  } finally {
    await close()
  }
}
