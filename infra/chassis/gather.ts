/**
 * Questions that come in the same turn of the event loop, or while earlier ones are under way, go together: the busier
 * it is the less a question costs, and one that comes alone waits for nobody (S12.1).
 */
type Waiting<Question, Answer> = { question: Question; resolve(answer: Answer): void; reject(error: unknown): void }

/**
 * `ask` answers in the order asked, each question by itself; it rejects only when nobody answers. Then those that came
 * meanwhile fail too: they would wait as long again for the same silence.
 */
export function gather<Question, Answer>(ask: (questions: Question[]) => Promise<Answer[]>, most: number): (question: Question) => Promise<Answer> {
  let waiting: Waiting<Question, Answer>[] = []
  let isAsking = false

  async function askAll(): Promise<void> {
    while (waiting.length) {
      const batch = waiting.length <= most ? waiting : waiting.slice(0, most)
      waiting = waiting.slice(batch.length)
      try {
        const answers = await ask(batch.map(({ question }) => question))
        if (answers.length !== batch.length) throw new Error(`${answers.length} answers to ${batch.length} questions`)
        for (let i = 0; i < batch.length; i++) batch[i]!.resolve(answers[i]!)
      } catch (error) {
        const failed = [...batch, ...waiting]
        waiting = []
        for (const { reject } of failed) reject(error)
      }
      // Who was answered may ask again: in the next turn, with the others.
      if (waiting.length) await new Promise(setImmediate)
    }
    isAsking = false
  }

  return (question) => new Promise((resolve, reject) => {
    waiting.push({ question, resolve, reject })
    if (isAsking) return
    isAsking = true
    setImmediate(() => void askAll())
  })
}
