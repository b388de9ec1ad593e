/** What the lab left out, and until when. A lease ends by itself, whatever becomes of the command that took it. */

export type ControlOff = { control: string; strategies: string[]; until: string }
export type Terms = { leftOut: string; strategies?: string[]; seconds?: number }

const DEFAULT_SECONDS = 15 * 60
const LONGEST_SECONDS = 120 * 60
const AGAIN_MS = 5_000

export type Leases = {
  /** One control a place at a time. `leave` does it, `back` undoes it and is tried until it succeeds. Throws before anything is done. */
  take(place: string, terms: Terms, leave: () => Promise<void>, back: () => Promise<void>): Promise<ControlOff>
  /** `leftOut`: only if it is that control which is off there. */
  end(place: string, leftOut?: string): Promise<void>
  /** One entry a control, at however many places it is left out. */
  off(): ControlOff[]
  close(): void
}

export function createLeases(onChange: () => void): Leases {
  const off = new Map<string, ControlOff & { back(): Promise<void>; timer: NodeJS.Timeout }>()

  async function end(place: string, leftOut?: string): Promise<void> {
    const lease = off.get(place)
    if (!lease || (leftOut && lease.control !== leftOut)) return
    clearTimeout(lease.timer)
    await lease.back()
    off.delete(place)
    onChange()
  }

  return {
    async take(place, { leftOut, strategies = [], seconds = DEFAULT_SECONDS }, leave, back) {
      if (process.env.NODE_ENV === 'production') throw new Error('the lab is refused in production')
      if (!(seconds > 0 && seconds <= LONGEST_SECONDS)) throw new Error(`a lease lasts from 1 to ${LONGEST_SECONDS} seconds, not ${seconds}`)
      clearTimeout(off.get(place)?.timer)
      await leave()
      const until = new Date(Date.now() + seconds * 1000).toISOString()
      const expire = () => void end(place).catch(() => { const lease = off.get(place); if (lease) lease.timer = setTimeout(expire, AGAIN_MS) })
      off.set(place, { control: leftOut, strategies, until, back, timer: setTimeout(expire, seconds * 1000) })
      onChange()
      return { control: leftOut, strategies, until }
    },
    end,
    off: () => [...new Map([...off.values()].map(({ control, strategies, until }) => [control, { control, strategies, until }])).values()],
    close() {
      for (const { timer } of off.values()) clearTimeout(timer)
    },
  }
}
