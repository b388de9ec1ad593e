import { expect, test } from 'vitest'
import type { LaunchDocument } from '@shop/chassis/launch.ts'
import { forgetOnChange } from './forget-on-change.ts'
import type { Spec } from './supervisor.ts'

test('S2.2 callers are told when other rules are in force, and at no other start', async () => {
  let renewals = 0
  let cedar = 'permit'
  const forgetting = forgetOnChange(() => { renewals += 1 })
  const specOf = (more: object = {}): Spec => forgetting({
    name: 'access', uid: 0,
    prepare: async () => ({ program: { file: '', args: [], cwd: '', env: {} }, launch: { process: 'access', enrolment: { secret: crypto.randomUUID() }, config: { policies: [{ service: 'order', cedar }], ...more } } as unknown as LaunchDocument }),
  })
  const started = async (spec: Spec) => {
    await spec.prepare()
    spec.alone!()
    return renewals
  }
  const released = specOf()
  expect(await started(released), 'the first start: nobody keeps anything').toBe(0)
  expect(await started(released), 'again, with another secret').toBe(0)
  cedar = 'forbid'
  expect(await started(released), 'a rule was changed on disk').toBe(1)
  const lab = specOf({ leftOut: 'released-rules' })
  await lab.prepare()
  expect(renewals, 'started, but the one before it decides too').toBe(1)
  lab.alone!()
  expect(renewals).toBe(2)
  expect(await started(released), 'and back').toBe(3)
})
