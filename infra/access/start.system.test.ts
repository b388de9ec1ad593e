import { names, startPart } from '@shop/chassis/test-part.ts'
import { expect, test } from 'vitest'

const start = (cedar: string, operations: unknown = [{ id: 'see', subjects: ['user'] }]) => startPart('access', {
  process: 'access', workload: 'access', names,
  config: { port: 25_061, exchange: 'https://127.0.0.1:25062', monitor: 'https://127.0.0.1:25063', policies: [{ service: 'toy', operations, cedar }] },
})

test.each([
  ['a rule', '@id("look") permit (principal, action == Action::"toy.sea", resource is Service);', undefined, /ended with 78: unusable policy:\ntoy\/policy\.cedar, rule look: .*toy\.sea/],
  ['a value of the configuration', '', [{ id: 'see', subjects: ['everybody'] }], /ended with 78: unusable configuration:[\s\S]*subjects/],
])('unusable: names %s and does not start', async (_what, cedar, operations, message) => {
  await expect(start(cedar, operations)).rejects.toThrow(message)
})
