/** Whether what was refused was also seen: each refusal is a sign, and each sign needs its event in the monitor. */
import type { Stop } from './attack.ts'

/** How an event is known to be about one refusal: its trace, or where TLS, broker or database report, source or subject. */
export type Sign = Partial<Stop> & { traceId?: string | undefined; address?: string | undefined; subject?: string | undefined; control?: string | undefined; /** What the name of the process that saw it begins with. */ source?: string | undefined }

export type SecurityEvent = {
  type: string; source: string; time: string; receivedAt: string
  data: { detection: string; control: string; strategies: string[]; code: string; subject?: string; address?: string; traceId?: string }
}

/** Events since the watch began. `wait` resolves when there may be more, or rejects after `untilMs` (Unix time). */
export type Watch = { seen(): SecurityEvent[]; wait(untilMs: number): Promise<boolean> }

const bare = (address: string | undefined) => address?.replace(/^::ffff:/, '')

/** About the same refusal, whoever refused it. */
export const isAbout = ({ traceId, address, subject, source = '' }: Sign, { data, source: by }: SecurityEvent): boolean =>
  (traceId ?? address ?? subject) !== undefined
  && (traceId === undefined || data.traceId === traceId) && (address === undefined || bare(data.address) === bare(address)) && (subject === undefined || data.subject === subject) && by.startsWith(source)

/** And refused as it should be: by code, detection id and control. */
export const isAsStated = ({ code, detection, control }: Sign, { data }: SecurityEvent): boolean =>
  (code === undefined || data.code === code) && (detection === undefined || data.detection === detection) && (control === undefined || data.control === control)

export type Detected = { events: SecurityEvent[]; missing: Sign[]; /** Seen, but not refused as stated. */ other: SecurityEvent | undefined }

/** Waits until every sign has its event, at most `withinMs` from now. `now` in Unix ms. */
export async function detect(watch: Watch, signs: Sign[], withinMs: number, now = Date.now): Promise<Detected> {
  const until = now() + withinMs
  for (;;) {
    const seen = watch.seen()
    const found = signs.map((sign) => seen.find((event) => isAbout(sign, event) && isAsStated(sign, event)))
    const missing = signs.filter((_, i) => !found[i])
    if (missing.length === 0 || !(await watch.wait(until)))
      return { events: found.filter((event) => event !== undefined), missing, other: seen.find((event) => missing.some((sign) => isAbout(sign, event))) }
  }
}
