import { expect, test } from 'vitest'
import { runSteps, type Step, type StepEvent } from './steps.ts'

const run = async (steps: Step[]) => {
  const events: StepEvent[] = []
  const outcome = await runSteps(steps, (event) => events.push(event), () => 0).then(() => 'up', (error: Error) => error.message)
  return { outcome, order: events.map(({ name, state }) => `${name} ${state}`) }
}
const step = (name: string, after: string[] = [], work = async () => {}): Step => ({ name, after, run: work })

test('a step begins when all before it are done, whatever the order of the list', async () => {
  const { outcome, order } = await run([step('edge', ['order', 'pki']), step('order', ['pki']), step('pki')])
  expect(outcome).toBe('up')
  expect(order).toEqual(['pki running', 'pki done', 'order running', 'order done', 'edge running', 'edge done'])
})

test('what is not in the list is not waited for', async () => expect((await run([step('edge', ['psp'])])).outcome).toBe('up'))

test('steps that do not wait for each other run side by side', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  expect((await run([step('a', [], () => promise), step('b', [], async () => resolve())])).outcome).toBe('up')
})

test('after a failure nothing that stands on it begins', async () => {
  const { outcome, order } = await run([step('pki', [], async () => { throw new Error('no token') }), step('edge', ['pki'])])
  expect(outcome).toBe('no token')
  expect(order).not.toContain('edge running')
})

test('steps that wait for each other are named', async () => expect((await run([step('a', ['b']), step('b', ['a'])])).outcome).toContain('a → b → a'))
