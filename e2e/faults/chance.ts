/** Choices that a seed repeats: which process, when, what is bought. What the machine makes of them is its own. */

export type Chance = {
  /** [0, 1) */
  next(): number
  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number
  isLucky(share: number): boolean
  pick<T>(from: readonly T[]): T
  weighted<T extends string>(weights: Record<T, number>): T
  shuffled<T>(list: readonly T[]): T[]
  /** Choices of its own, so that one stream never shifts another's. */
  branch(name: string): Chance
}

/** mulberry32. */
export function chance(seed: number): Chance {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const whole = (least: number, most: number) => least + Math.floor(next() * (most - least + 1))
  const self: Chance = {
    next, whole,
    isLucky: (share) => next() < share,
    pick: (from) => from[whole(0, from.length - 1)]!,
    weighted(weights) {
      const entries = Object.entries<number>(weights) as [keyof typeof weights, number][]
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      return (entries.find(([, weight]) => (left -= weight) < 0) ?? entries.at(-1)!)[0]
    },
    shuffled(list) {
      const left = [...list]
      return list.map(() => left.splice(whole(0, left.length - 1), 1)[0]!)
    },
    branch: (name) => chance([...name].reduce((sum, letter) => Math.imul(sum ^ letter.charCodeAt(0), 16_777_619), seed ^ 0x811c9dc5)),
  }
  return self
}

/** `SHOP_FAULT_SEED`, or a new one; printed by whoever uses it. */
export const seedOf = (): number => Number(process.env['SHOP_FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
