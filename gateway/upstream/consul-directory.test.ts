import { expect, test } from 'vitest'
import { backoffMs, nextIndex, readInstances } from './consul-directory.ts'

test.each([[0, 5, 5], [5, 7, 7], [7, 5, 0], [5, 0, 0], [5, Number.NaN, 0], [5, -1, 0]])('index %i then %i asks with %i', (index, seen, next) => expect(nextIndex(index, seen)).toBe(next))

test('back-off grows, is spread, and ends at 5 s', () => {
  expect(backoffMs(1, () => 1)).toBe(250)
  expect(backoffMs(1, () => 0)).toBe(50)
  expect(backoffMs(99, () => 1)).toBe(5_050)
})

const entry = (Service: object, Node: object = { Address: '127.0.0.1' }) => ({ Node, Service })
test('S7.3 only entries that can be dialled are instances', () => {
  expect(readInstances([
    entry({ ID: 'order-2', Address: '127.0.0.1', Port: 2, Meta: { version: '2' } }),
    entry({ ID: 'order-1', Address: '', Port: 1 }),
    entry({ ID: 'x', Address: 'evil.example', Port: 1 }),
    entry({ ID: 'x', Address: '127.0.0.1', Port: 0 }),
    entry({ ID: 'x', Address: '127.0.0.1', Port: 70_000 }),
    entry({ ID: '../x', Address: '127.0.0.1', Port: 1 }),
    entry({}, {}),
  ])).toEqual([
    { id: 'order-1', key: 'order-1@127.0.0.1:1', origin: 'https://127.0.0.1:1', host: '127.0.0.1', port: 1, version: '1' },
    { id: 'order-2', key: 'order-2@127.0.0.1:2', origin: 'https://127.0.0.1:2', host: '127.0.0.1', port: 2, version: '2' },
  ])
  expect(() => readInstances({})).toThrow()
})
