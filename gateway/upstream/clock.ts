/** The two clocks of a gateway and its chance, as arguments: deadlines never jump, token times are the world's. */
export type Clock = {
  /** Monotonic, ms. */
  now(): number
  /** Unix time, ms. */
  wall(): number
  random(): number
  sleep(ms: number): Promise<void>
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  random: Math.random,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
}
