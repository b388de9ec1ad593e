import { expect, test } from 'vitest'
import { gather } from './gather.ts'

function setUp(most = 3) {
  const asked: { questions: number[]; answer(answers: number[]): void; fail(error: Error): void }[] = []
  const ask = gather<number, number>((questions) => new Promise((answer, fail) => asked.push({ questions, answer, fail })), most)
  return { asked, ask }
}
const turn = async () => { for (let i = 0; i < 3; i++) await new Promise(setImmediate) }

test('those of one turn go together, at most so many; who comes later waits for none of them', async () => {
  const { asked, ask } = setUp()
  const answers = [1, 2, 3, 4].map(ask)
  await turn()
  answers.push(ask(5))
  await turn()
  expect(asked.map(({ questions }) => questions)).toEqual([[1, 2, 3], [4], [5]])
  asked[2]!.answer([50])
  expect(await answers[4]).toBe(50)
  asked[1]!.answer([40])
  asked[0]!.answer([10, 20, 30])
  expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50])
})

test('S2.2 silence fails those who asked together, and nobody else', async () => {
  const { asked, ask } = setUp()
  const answers = Promise.allSettled([1, 2, 3, 4].map(ask))
  await turn()
  asked[0]!.fail(new Error('silent'))
  asked[1]!.answer([40])
  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled'])
})

test('an answer too few is no answer to anybody', async () => {
  const { asked, ask } = setUp()
  const answers = Promise.allSettled([ask(1), ask(2)])
  await turn()
  asked[0]!.answer([10])
  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})
