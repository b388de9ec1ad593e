/** What is said of two series of figures, made round by round beside each other. Pure. */
export type Spread = { min: number; lowerQuartile: number; median: number; upperQuartile: number; max: number }

export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => {
    const place = share * (sorted.length - 1)
    const below = sorted[Math.floor(place)]!
    return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place))
  }
  return { min: at(0), lowerQuartile: at(0.25), median: at(0.5), upperQuartile: at(0.75), max: at(1) }
}

/** `ratio`: of the two figures of each round; `ofQuartiles`: of the lower quartiles, steadier on a busy machine. */
export type Ratio = { ratio: Spread; ofQuartiles: number }

export const compare = (above: number[], below: number[]): Ratio =>
  ({ ratio: spread(above.map((value, round) => value / below[round]!)), ofQuartiles: spread(above).lowerQuartile / spread(below).lowerQuartile })

/** `better`: which way the ratio should go. */
export type Goal = { better: 'more' | 'less'; goal: number; acceptable: number }
export type Verdict = 'goal reached' | 'acceptable' | 'missed' | 'inconclusive'

/** Missed only where both figures miss what is acceptable; where they disagree, this machine was too busy to say. */
export function judge({ better, goal, acceptable }: Goal, { ratio, ofQuartiles }: Ratio): Verdict {
  const reaches = (limit: number) => [ratio.median, ofQuartiles].map((value) => (better === 'more' ? value >= limit : value <= limit))
  if (reaches(goal).every(Boolean)) return 'goal reached'
  const isAcceptable = reaches(acceptable)
  return isAcceptable.every(Boolean) ? 'acceptable' : isAcceptable.some(Boolean) ? 'inconclusive' : 'missed'
}
