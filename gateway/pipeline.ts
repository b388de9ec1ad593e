/**
 * A gateway is a list of controls run in order; each may refuse by throwing a problem (style: docs/lifecycle.md).
 *
 * `control()` binds a stage to its name and the strategies it serves: telemetry, detection and the lab speak of
 * controls by that name. The list can be read as a table; composition does nothing clever. Nothing waits that need
 * not: a promise for every control costs a request more than what most of them do (docs/decisions/0019).
 */
import { Problem } from '@shop/chassis/problem.ts'

/** Reads and extends the call, or throws. Knows no other stage. A promise only where there is something to wait for. */
export type Step<Call> = (call: Call) => void | Promise<void>
export type Stage<Call> = {
  /** On the way in, top to bottom. One that sets `call.answer` answers: nothing below it runs. */
  request?: Step<Call>
  /** On the way out, bottom to top, when there is an answer. */
  response?: Step<Call>
  /** At the end, whatever came of a call that got past this control. Must not throw. */
  ended?: (call: Call) => void
}
export type Control<Call, Door extends string = never> = {
  strategies: string[]
  name: string
  stage: Stage<Call>
  /** The doors it guards; empty means all. */
  doors: Door[]
}

/** A stage that looks at requests alone is one function. */
export const control = <Call, Door extends string = never>(strategies: string, name: string, stage: Stage<Call> | Step<Call>, ...doors: Door[]): Control<Call, Door> =>
  ({ strategies: strategies.split(' '), name, stage: typeof stage === 'function' ? { request: stage } : stage, doors })

type Line<Call> = { run: Step<Call>; control: Control<Call, string> | undefined; depth: number }

/** Runs controls top to bottom, `last`, and what controls do with its answer. A problem thrown by a control carries its name. */
export function compose<Call extends { answer?: unknown }>(controls: Control<Call, string>[], last: Step<Call>): Step<Call> {
  const linesOf = (phase: 'request' | 'response'): Line<Call>[] => controls.flatMap((control, depth) => (control.stage[phase] ? [{ run: control.stage[phase], control, depth }] : []))
  const lines: Line<Call>[] = [...linesOf('request'), { run: last, control: undefined, depth: controls.length }, ...linesOf('response').reverse()]
  const turn = lines.findIndex((line) => !line.control)
  const ends = controls.flatMap(({ stage: { ended } }, depth) => (ended ? [{ ended, depth }] : [])).reverse()

  /** How far a call came: its line, and how deep in the list of controls the answer, or the refusal, was made. */
  type Run = { call: Call; at: number; depth: number }

  function step(run: Run): void {
    const line = lines[run.at++]!
    if (run.at > turn || run.call.answer === undefined) return
    run.depth = line.depth
    while (run.at <= turn || (lines[run.at]?.depth ?? -1) >= run.depth) run.at++
  }

  function end({ call, depth }: Run): void {
    for (const one of ends) if (one.depth < depth) one.ended(call)
  }

  function refused(run: Run, error: unknown): never {
    const line = lines[run.at]!
    if (run.at < turn) run.depth = line.depth
    if (line.control && error instanceof Problem) error.control = { name: line.control.name, strategies: line.control.strategies }
    end(run)
    throw error
  }

  function go(run: Run): void | Promise<void> {
    while (run.at < lines.length) {
      let waiting: void | Promise<void>
      try {
        waiting = lines[run.at]!.run(run.call)
      } catch (error) {
        return refused(run, error)
      }
      if (waiting) return waiting.then(() => goOn(run), (error: unknown) => refused(run, error))
      step(run)
    }
    end(run)
  }

  function goOn(run: Run): void | Promise<void> {
    step(run)
    return go(run)
  }

  return (call) => go({ call, at: 0, depth: controls.length })
}
