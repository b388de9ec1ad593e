/** The lab's hand in the runner: another entry point beside the running process, a lease, and the way back. */
import type { Variant } from './programs.ts'
import type { PlannedProcess } from './plan.ts'
import type { Site } from './site.ts'
import type { Spec, Supervisor } from './supervisor.ts'

export type ControlOff = { control: string; strategies: string[]; until: string }
type Request = Variant & { process: string; strategies?: string[]; seconds?: number }

const DEFAULT_SECONDS = 15 * 60
const LONGEST_SECONDS = 120 * 60

export function createVariants(site: Site, supervisor: Supervisor, specOf: (one: PlannedProcess, variant?: Variant) => Spec, onChange: () => void) {
  const off = new Map<string, ControlOff & { process: string; timer: NodeJS.Timeout }>()
  const find = (name: string) => {
    const one = site.processes.find((other) => other.name === name && other.entry)
    if (!one) throw new Error(`there is no process '${name}' that the lab can replace`)
    return one
  }

  /** `leftOut`: only if it is that control which is off there. */
  async function back({ process, leftOut }: { process: string; leftOut?: string }): Promise<void> {
    const lease = off.get(process)
    if (!lease || (leftOut && lease.control !== leftOut)) return
    clearTimeout(lease.timer)
    await supervisor.replace(specOf(find(process)))
    off.delete(process)
    onChange()
  }

  return {
    /** The new one serves before the old one drains. One control a process at a time; the lease ends by itself. */
    async set({ process, entry, leftOut, strategies = [], seconds = DEFAULT_SECONDS }: Request): Promise<ControlOff> {
      if (globalThis.process.env.NODE_ENV === 'production') throw new Error('the lab is refused in production')
      if (!/^[a-z0-9-]+(\/[a-z0-9-]+)*\.ts$/.test(entry)) throw new Error(`'${entry}' is no entry point below infra/lab`)
      if (!(seconds > 0 && seconds <= LONGEST_SECONDS)) throw new Error(`a lease lasts from 1 to ${LONGEST_SECONDS} seconds, not ${seconds}`)
      const one = find(process)
      clearTimeout(off.get(process)?.timer)
      await supervisor.replace(specOf(one, { entry, leftOut }))
      const until = new Date(Date.now() + seconds * 1000).toISOString()
      const end = () => void back({ process }).catch(() => { const lease = off.get(process); if (lease) lease.timer = setTimeout(end, 5_000) })
      off.set(process, { process, control: leftOut, strategies, until, timer: setTimeout(end, seconds * 1000) })
      onChange()
      return { control: leftOut, strategies, until }
    },
    back,
    /** One entry a control, however many processes leave it out. */
    off: (): ControlOff[] => [...new Map([...off.values()].map(({ control, strategies, until }) => [control, { control, strategies, until }])).values()],
    close() {
      for (const { timer } of off.values()) clearTimeout(timer)
    },
  }
}
