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

  return (call) => {
    let at = 0
    let depth = controls.length

    function step(): void {
      const line = lines[at++]!
      if (at > turn || call.answer === undefined) return
      depth = line.depth
      while (at <= turn || (lines[at]?.depth ?? -1) >= depth) at++
    }

    function end(): void {
      for (const one of ends) if (one.depth < depth) one.ended(call)
    }

    function refused(error: unknown): never {
      const line = lines[at]!
      if (at < turn) depth = line.depth
      if (line.control && error instanceof Problem) error.control = { name: line.control.name, strategies: line.control.strategies }
      end()
      throw error
    }

    function go(): void | Promise<void> {
      while (at < lines.length) {
        let waiting: void | Promise<void>
        try {
          waiting = lines[at]!.run(call)
        } catch (error) {
          return refused(error)
        }
        if (waiting) return waiting.then(goOn, refused)
        step()
      }
      end()
    }

    function goOn(): void | Promise<void> {
      step()
      return go()
    }

    return go()
  }
}
