/**
 * The less busy of two chosen at random: close to the best choice, without everyone choosing the same (S7.1).
 * Only our own calls in flight count; nothing that an instance says of itself does.
 */
export function pickTwo<T>(candidates: readonly T[], inFlight: (candidate: T) => number, random: () => number): T | undefined {
  if (candidates.length < 2) return candidates[0]
  const first = Math.floor(random() * candidates.length)
  const other = (first + 1 + Math.floor(random() * (candidates.length - 1))) % candidates.length
  return inFlight(candidates[other]!) < inFlight(candidates[first]!) ? candidates[other] : candidates[first]
}
