/** The bring-up as a list of idempotent steps: each begins when those before it are done. */
export type Step = {
  name: string
  after: string[]
  /** Answers a note for people, or nothing. */
  run(): Promise<unknown>
}
export type StepEvent = { name: string; state: 'running' | 'done' | 'failed'; seconds: number; note?: string }

/**
 * Runs all; rejects with the first failure, after which nothing new begins. A step may wait for names that are not in
 * the list (their code is absent): those count as done.
 */
export async function runSteps(steps: Step[], report: (event: StepEvent) => void, now: () => number): Promise<void> {
  const running = new Map<string, Promise<void>>()
  let failure: unknown
  const begin = (step: Step, path: string[]): Promise<void> => {
    if (path.includes(step.name)) throw new Error(`steps wait for each other: ${[...path, step.name].join(' → ')}`)
    const known = running.get(step.name)
    if (known) return known
    const before = step.after.flatMap((name) => steps.filter((other) => other.name === name)).map((other) => begin(other, [...path, step.name]))
    const done = Promise.all(before).then(async () => {
      if (failure) return
      const started = now()
      const seconds = () => (now() - started) / 1000
      report({ name: step.name, state: 'running', seconds: 0 })
      try {
        const note = await step.run()
        report({ name: step.name, state: 'done', seconds: seconds(), ...(typeof note === 'string' && { note }) })
      } catch (error) {
        failure ??= error
        report({ name: step.name, state: 'failed', seconds: seconds() })
        throw error
      }
    })
    running.set(step.name, done)
    return done
  }
  await Promise.all(steps.map((step) => begin(step, [])))
}
