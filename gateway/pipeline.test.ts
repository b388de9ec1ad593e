import { problem, type Problem } from '@shop/chassis/problem.ts'
import { expect, test } from 'vitest'
import { compose, control, type Stage } from './pipeline.ts'

type Call = { seen: string[] }
const Refused = problem('refused', 403, 'No', 'Stop')
const pass = (name: string): Stage<Call> => async (call, next) => { call.seen.push(name); await next(); call.seen.push(`/${name}`) }
const refuse: Stage<Call> = async () => { throw Refused() }
const run = async (...stages: [string, Stage<Call>][]) => {
  const call: Call = { seen: [] }
  const [last] = stages.splice(-1)
  const error = await compose(stages.map(([name, stage]) => control('S1.1', name, stage)), last![1])(call).then(() => undefined, (e: unknown) => e as Problem)
  return { seen: call.seen, error }
}

test('controls run top to bottom around the handler', async () => {
  expect((await run(['a', pass('a')], ['b', pass('b')], ['h', pass('h')])).seen).toEqual(['a', 'b', 'h', '/h', '/b', '/a'])
})
test('a refusal carries the name of the control that made it, and nothing below runs', async () => {
  const { seen, error } = await run(['a', pass('a')], ['b', refuse], ['h', pass('h')])
  expect(seen).toEqual(['a'])
  expect(error?.control).toEqual({ name: 'b', strategies: ['S1.1'] })
})
test('a refusal from below a control is not booked under it', async () => {
  expect((await run(['a', pass('a')], ['h', refuse])).error?.control).toBeUndefined()
})
test('a control that goes on twice is an error', async () => {
  expect((await run(['a', async (_call, next) => { await next(); await next() }], ['h', pass('h')])).error?.message).toMatch(/twice/)
})
