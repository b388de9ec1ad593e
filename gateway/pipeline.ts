/**
 * A gateway is a list of controls run in order; each may refuse by throwing a problem (style: docs/lifecycle.md).
 *
 * `control()` binds a stage to its name and the strategies it serves: telemetry, detection and the lab speak of
 * controls by that name. The list can be read as a table; composition does nothing clever.
 */
import { Problem } from '@shop/chassis/problem.ts'

export type Next = () => Promise<void>
/** Reads and extends the call, then `await next()`; or throws. Knows no other stage. */
export type Stage<Call> = (call: Call, next: Next) => Promise<void>
export type Control<Call, Door extends string = never> = {
  strategies: string[]
  name: string
  stage: Stage<Call>
  /** The doors it guards; empty means all. */
  doors: Door[]
}

export const control = <Call, Door extends string = never>(strategies: string, name: string, stage: Stage<Call>, ...doors: Door[]): Control<Call, Door> =>
  ({ strategies: strategies.split(' '), name, stage, doors })

/** Runs controls top to bottom around `last`. A problem thrown by a stage itself (not below it) carries that control's name. */
export function compose<Call>(controls: Control<Call, string>[], last: Stage<Call>): (call: Call) => Promise<void> {
  return async (call) => {
    let fromBelow: unknown
    const run = async (i: number): Promise<void> => {
      const step = controls[i]
      let isNextCalled = false
      const next = () => {
        if (isNextCalled) throw new Error(`${step?.name} called next() twice`)
        isNextCalled = true
        return run(i + 1)
      }
      try {
        await (step ? step.stage(call, next) : last(call, async () => {}))
      } catch (error) {
        if (step && error instanceof Problem && error !== fromBelow) error.control = { name: step.name, strategies: step.strategies }
        throw (fromBelow = error)
      }
    }
    await run(0)
  }
}
