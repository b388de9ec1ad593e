/** How much of the registry one workload gets: so many lookups a second, so many waiting at once (S3.2). Fed with time. */
import { problem } from '@shop/chassis/problem.ts'

export const RegistryBusy = problem('registry-limit', 429, 'This workload asks the registry too often', 'Wait as Retry-After says', 'OVERLOAD')

export type CallerLimits = { perSecond: number; burst: number; waiting: number }

/** The returned function tells of a lookup; what it returns ends that lookup. Throws registry-limit. `now` in ms. */
export function limitCallers({ perSecond, burst, waiting }: CallerLimits): (caller: string, now: number) => () => void {
  const callers = new Map<string, { held: number; at: number; waiting: number }>()
  return (caller, now) => {
    let state = callers.get(caller)
    if (!state) callers.set(caller, (state = { held: burst, at: now, waiting: 0 }))
    state.held = Math.min(burst, state.held + (Math.max(0, now - state.at) / 1000) * perSecond)
    state.at = now
    if (state.held < 1) throw RegistryBusy({ headers: { 'retry-after': '1' }, evidence: { reason: `more than ${perSecond} lookups a second` } })
    if (state.waiting >= waiting) throw RegistryBusy({ headers: { 'retry-after': '1' }, evidence: { reason: `more than ${waiting} lookups at once` } })
    state.held -= 1
    state.waiting += 1
    const own = state
    let isOver = false
    return () => {
      if (!isOver) own.waiting -= 1
      isOver = true
    }
  }
}
