/**
 * Questions that come in the same turn of the event loop go together: the busier it is the less a question costs, and
 * none waits for another's answer (S12.1).
 */
type Waiting<Question, Answer> = { question: Question; resolve(answer: Answer): void; reject(error: unknown): void }

/** `ask` answers in the order asked, each question by itself; it rejects only when nobody answers. It is asked at most `most` at a time. */
export function gather<Question, Answer>(ask: (questions: Question[]) => Promise<Answer[]>, most: number): (question: Question) => Promise<Answer> {
  let waiting: Waiting<Question, Answer>[] = []

  async function askTogether(batch: Waiting<Question, Answer>[]): Promise<void> {
    try {
      const answers = await ask(batch.map(({ question }) => question))
      if (answers.length !== batch.length) throw new Error(`${answers.length} answers to ${batch.length} questions`)
      for (let i = 0; i < batch.length; i++) batch[i]!.resolve(answers[i]!)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  function askAll(): void {
    const all = waiting
    waiting = []
    for (let i = 0; i < all.length; i += most) void askTogether(all.slice(i, i + most))
  }

  return (question) => new Promise((resolve, reject) => {
    if (waiting.push({ question, resolve, reject }) === 1) setImmediate(askAll)
  })
}
