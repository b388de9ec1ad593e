import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { badChecksNeeded, checked, decide, entered, goodChecksNeeded, left, newHistory, refusal, type CheckResult, type History, type Instance, type Rules } from './decide.ts'

const rules: Rules = { goodChecks: 2, badChecks: 3, mostGoodChecks: 64, halfLifeMs: 60_000 }
const order: Instance = { id: 'order-1', service: 'order', version: '1', host: '127.0.0.1', port: 1 }
const after = (results: CheckResult[], instance = order, from?: History) => results.reduce<History | undefined>((h, r) => checked(h, instance, r), from)!
const run = (deployed: Instance[], results: CheckResult[] | History, registered: Instance[] = [], now = 0) =>
  decide(deployed, new Map([[order.id, Array.isArray(results) ? results.length ? after(results) : newHistory({ ...order, port: 0 }) : results]]), new Map(registered.map((i) => [i.id, i])), now, rules)
const enters = [{ do: 'register', instance: order }]
const leaves = (reason: string, instance = order) => [{ do: 'deregister', instance, reason }]

describe('S3.6 who is registered', () => {
  test.each<[string, CheckResult[], Instance[], Instance[], unknown[]]>([
    ['nobody is there', [], [], [], []],
    ['never checked', [], [order], [], []],
    ['one good check', ['good'], [order], [], []],
    ['two good checks', ['good', 'good'], [order], [], enters],
    ['a bad one between', ['good', 'bad', 'good'], [order], [], []],
    ['another identity, then one good', ['impostor', 'good'], [order], [], []],
    ['only another identity', ['impostor', 'impostor', 'impostor'], [order], [], []],
    ['registered and well', ['good', 'good'], [order], [order], []],
    ['registered, not checked yet (restart)', [], [order], [order], []],
    ['registered, two bad', ['bad', 'bad'], [order], [order], []],
    ['registered, three bad', ['bad', 'bad', 'bad'], [order], [order], leaves('unhealthy')],
    ['registered, another identity once', ['good', 'impostor'], [order], [order], leaves('wrong-identity')],
    ['registered, no longer deployed, well', ['good'], [], [order], []],
    ['registered, no longer deployed, not checked', [], [], [order], []],
    ['registered, no longer deployed, failing', ['bad', 'bad', 'bad'], [], [order], leaves('unhealthy')],
    ['registered with another version', ['good', 'good'], [order], [{ ...order, version: '0' }], enters],
    ['registered elsewhere: the old address goes', ['good'], [order], [{ ...order, port: 9 }], leaves('moved', { ...order, port: 9 })],
  ])('%s', (_name, results, deployed, registered, actions) => expect(run(deployed, results, registered)).toEqual(actions))

  test('checks of an old address say nothing about the new one', () => {
    const moved = { ...order, port: 2 }
    expect(decide([moved], new Map([[order.id, after(['good', 'good', 'good'])]]), new Map(), 0, rules)).toEqual([])
    expect(checked(after(['good', 'good']), moved, 'good').good).toBe(1)
  })
})

describe('S3.6 what is told of an instance that is kept out', () => {
  test.each<[string, CheckResult[], string | null]>([
    ['well', ['good', 'good'], null], ['starting', ['absent', 'absent', 'absent', 'absent', 'good'], null], ['two bad', ['bad', 'bad'], null], ['three bad', ['bad', 'bad', 'bad'], 'unhealthy'],
    ['flapping', ['good', 'bad', 'good', 'bad', 'good', 'bad'], 'unhealthy'], ['another identity', ['absent', 'impostor'], 'wrong-identity'],
  ])('%s', (_name, results, reason) => expect(refusal(after(results), rules)).toBe(reason))
  test('once; another identity still after that', () => {
    const told: History = { ...after(['bad', 'bad', 'bad']), told: 'unhealthy' }
    expect(refusal(after(['bad', 'good', 'bad'], order, told), rules)).toBeNull()
    expect(refusal(after(['impostor'], order, told), rules)).toBe('wrong-identity')
    expect(refusal(after(['bad', 'impostor'], order, { ...told, told: 'wrong-identity' }), rules)).toBeNull()
  })
  test('an outage is no try to enter; another identity is told in any case', () => {
    const registered = entered(after(['good', 'good']))
    expect(refusal(after(['bad', 'bad', 'bad', 'bad'], order, registered), rules)).toBeNull()
    expect(refusal(after(['impostor'], order, registered), rules)).toBe('wrong-identity')
  })
})

test.each([[1, 6, 3], [3, 6, 3], [4, 6, 12], [6, 6, 12], [2, 2, 3], [3, 3, 12], [0, 0, 3]])('with %i of %i failing, %i bad checks take one out', (failing, all, expected) => {
  const instances = Array.from({ length: all }, (_, i) => ({ ...order, id: `order-${i}`, port: i + 1 }))
  const registered = new Map(instances.map((i) => [i.id, i]))
  const histories = new Map(instances.map((one, i) => [one.id, after(i < failing ? ['bad', 'bad', 'bad'] : ['good'], one)]))
  expect(badChecksNeeded(histories, registered, rules)).toBe(expected)
  expect(decide(instances, histories, registered, 0, rules)).toHaveLength(expected === 3 ? failing : 0)
})

describe('S3.6 flap damping', () => {
  test('each leave doubles the good checks needed, time halves them again, and there is an end', () => {
    let h = newHistory(order)
    const needed = [goodChecksNeeded(h, 0, rules)]
    for (let i = 0; i < 8; i++) needed.push(goodChecksNeeded((h = left(h, 0, rules)), 0, rules))
    expect(needed).toEqual([2, 4, 8, 16, 32, 64, 64, 64, 64])
    expect(goodChecksNeeded(h, 10 * rules.halfLifeMs, rules)).toBe(2)
  })
  test('an instance that flaps is in less and less', () => {
    let h: History | undefined
    let isIn = false
    let entries = 0
    for (let i = 0; i < 600; i++) {
      h = checked(h, order, i % 6 < 3 ? 'good' : 'bad')
      for (const action of decide([order], new Map([[order.id, h]]), new Map(isIn ? [[order.id, order]] : []), i * 500, rules)) {
        isIn = action.do === 'register'
        if (isIn) entries++
        else h = left(h, i * 500, rules)
      }
    }
    expect(entries).toBeLessThan(10)
  })
})

test('S3.6 whoever was last seen with another identity is never registered; the same tick twice says the same', () => {
  const result = fc.constantFrom<CheckResult>('good', 'bad', 'impostor')
  fc.assert(fc.property(fc.array(result, { minLength: 1, maxLength: 30 }), fc.boolean(), fc.boolean(), (results, isDeployed, isIn) => {
    const h = after(results)
    const actions = run(isDeployed ? [order] : [], h, isIn ? [order] : [])
    if (results.at(-1) === 'impostor') expect(actions.filter((a) => a.do === 'register')).toEqual([])
    expect(run(isDeployed ? [order] : [], h, isIn ? [order] : [])).toEqual(actions)
    // What was done is not done again.
    for (const action of actions) expect(run(isDeployed ? [order] : [], action.do === 'register' ? h : left(h, 0, rules), action.do === 'register' ? [order] : [])).toEqual([])
  }))
})
