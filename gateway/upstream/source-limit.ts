/** So many questions a second from one source (S8.1): the generic cell rate algorithm. Pure: fed with time. */
export const SOURCE_RULES = { perSecond: 200, burst: 400, sources: 1_024 }

/** Source → when its bucket is full again, ms. Bounded: who was quiet longest is forgotten. */
export type SourceLimit = Map<string, number>

/** Whether one more may pass at `now`. */
export function takeOne(fullAt: SourceLimit, source: string, now: number, { perSecond, burst, sources } = SOURCE_RULES): boolean {
  const then = Math.max(fullAt.get(source) ?? now, now) + 1_000 / perSecond
  if (then - now > (burst * 1_000) / perSecond) return false
  fullAt.delete(source)
  fullAt.set(source, then)
  if (fullAt.size > sources) fullAt.delete(fullAt.keys().next().value!)
  return true
}
