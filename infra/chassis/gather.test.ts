import { expect, test } from 'vitest'
import { gather } from './gather.ts'

function setUp(most = 3) {
  const asked: { questions: number[]; answer(answers: number[]): void; fail(error: Error): void }[] = []
  const ask = gather<number, number>((questions) => new Promise((answer, fail) => asked.push({ questions, answer, fail })), most)
  return { asked, ask }
}
const turn = async () => { for (let i = 0; i < 3; i++) await new Promise(setImmediate) }

test('those of one turn go together, and those that come meanwhile, at most so many', async () => {
  const { asked, ask } = setUp()
  const answers = [1, 2].map(ask)
  await turn()
  answers.push(...[3, 4, 5, 6].map(ask))
  await turn()
  expect(asked.map(({ questions }) => questions)).toEqual([[1, 2]])
  asked[0]!.answer([10, 20])
  await turn()
  asked[1]!.answer([30, 40, 50])
  await turn()
  asked[2]!.answer([60])
  expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50, 60])
  expect(asked.map(({ questions }) => questions)).toEqual([[1, 2], [3, 4, 5], [6]])
})

test('S2.2 silence fails those who asked and those who waited, not those who come later', async () => {
  const { asked, ask } = setUp()
  const answers = Promise.allSettled([1, 2, 3, 4, 5, 6].map(ask))
  await turn()
  asked[0]!.fail(new Error('silent'))
  expect((await answers).map(({ status }) => status)).toEqual(Array(6).fill('rejected'))
  const later = ask(7)
  await turn()
  asked[1]!.answer([70])
  expect(await later).toBe(70)
})

test('an answer too few is no answer to anybody', async () => {
  const { asked, ask } = setUp()
  const answers = Promise.allSettled([ask(1), ask(2)])
  await turn()
  asked[0]!.answer([10])
  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})
