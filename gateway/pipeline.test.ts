import { problem, type Problem } from '@shop/chassis/problem.ts'
import { describe, expect, test } from 'vitest'
import { compose, control, type Stage, type Step } from './pipeline.ts'

type Call = { seen: string[]; answer?: string }
const Refused = problem('refused', 403, 'No', 'Stop')
const later = (isLater: boolean, work: () => void): void | Promise<void> => (isLater ? Promise.resolve().then(work) : work())

describe.each([['at once', false], ['later', true]])('%s', (_, isLater) => {
  const see = (text: string): Step<Call> => (call) => later(isLater, () => void call.seen.push(text))
  const pass = (name: string): Stage<Call> => ({ request: see(name), response: see(`/${name}`), ended: (call) => void call.seen.push(`.${name}`) })
  const answer: Step<Call> = (call) => later(isLater, () => { call.seen.push('h'); call.answer = 'h' })
  const refuse: Step<Call> = () => later(isLater, () => { throw Refused() })
  const run = async (last: Step<Call>, ...stages: [string, Stage<Call> | Step<Call>][]) => {
    const call: Call = { seen: [] }
    const composed = compose(stages.map(([name, stage]) => control('S1.1', name, stage)), last)
    const error = await (async () => composed(call))().then(() => undefined, (e: unknown) => e as Problem)
    return { seen: call.seen, error, answer: call.answer }
  }

  test('controls run top to bottom, then the handler, then what they do with its answer', async () => {
    expect((await run(answer, ['a', pass('a')], ['b', pass('b')])).seen).toEqual(['a', 'b', 'h', '/b', '/a', '.b', '.a'])
  })
  test('a refusal carries the name of the control that made it, and nothing below runs', async () => {
    const { seen, error } = await run(answer, ['a', pass('a')], ['b', refuse], ['c', pass('c')])
    expect(seen).toEqual(['a', '.a'])
    expect(error?.control).toEqual({ name: 'b', strategies: ['S1.1'] })
  })
  test('a refusal from behind the controls is booked under none', async () => {
    const { seen, error } = await run(refuse, ['a', pass('a')])
    expect(error?.control).toBeUndefined()
    expect(seen).toEqual(['a', '.a'])
  })
  test('an answer that a control refuses is booked under it', async () => {
    const { seen, error } = await run(answer, ['a', pass('a')], ['b', { response: refuse }])
    expect(error?.control?.name).toBe('b')
    expect(seen).toEqual(['a', 'h', '.a'])
  })
  test('a control that answers ends the way in; only those above it see the answer', async () => {
    const { seen, answer: given } = await run(answer, ['a', pass('a')], ['b', (call: Call) => later(isLater, () => { call.answer = 'b' })], ['c', pass('c')])
    expect(given).toBe('b')
    expect(seen).toEqual(['a', '/a', '.a'])
  })
  test('the first and the last control may answer too', async () => {
    const early: Step<Call> = (call) => later(isLater, () => { call.answer = 'early' })
    expect(await run(answer, ['b', early], ['c', pass('c')])).toMatchObject({ answer: 'early', seen: [] })
    expect(await run(answer, ['a', pass('a')], ['b', early])).toMatchObject({ answer: 'early', seen: ['a', '/a', '.a'] })
  })
})

test('nothing waits when there is nothing to wait for', () => {
  const call: Call = { seen: [] }
  expect(compose<Call>([control('S1.1', 'a', () => {})], (c) => { c.answer = 'h' })(call)).toBeUndefined()
  expect(call.answer).toBe('h')
})
