import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { expect, test } from 'vitest'
import { readOpenApi } from '../../infra/chassis/operation.ts'
import { system } from '../../infra/deploy/system.ts'

const root = join(import.meta.dirname, '../..')
// The same YAML reader; the document is another standard's.
const document = readOpenApi(new URL('../../docs/asyncapi.yaml', import.meta.url)) as any
const topicsOf = (action: string) => Object.entries<any>(document.operations).filter(([, one]) => one.action === action)
  .map(([name, one]) => ({ service: name.slice(0, name.indexOf('.')), topic: name.slice(name.indexOf('.') + 1), channel: one.channel.$ref as string }))
const pairs = (list: { service: string; topic: string }[]) => list.map(({ service, topic }) => `${service} ${topic}`).sort()
const inModel = (of: 'publishes' | 'subscribes') => pairs(system.services.flatMap((service) => service[of].map((topic) => ({ service: service.name, topic }))))

test('publishers and subscribers are those of the model', () => {
  expect(pairs(topicsOf('send'))).toEqual(inModel('publishes'))
  expect(pairs(topicsOf('receive'))).toEqual(inModel('subscribes'))
})

test('each operation is of its own topic; each topic has a channel and a message', () => {
  for (const { topic, channel } of [...topicsOf('send'), ...topicsOf('receive')]) expect(channel).toBe(`#/channels/${topic}`)
  const topics = system.services.flatMap((service) => service.publishes).sort()
  expect(Object.keys(document.channels).sort()).toEqual(topics)
  expect(Object.keys(document.components.messages).sort()).toEqual(topics)
  for (const [topic, channel] of Object.entries<any>(document.channels)) expect([channel.address, channel.messages.event.$ref]).toEqual([topic, `#/components/messages/${topic}`])
})

test('no topic is published that the document does not know', () => {
  const said = globSync('services/*/**/*.ts', { cwd: root, exclude: (name) => name === 'node_modules' }).filter((file) => !file.includes('.test.'))
    .flatMap((file) => [...readFileSync(join(root, file), 'utf8').matchAll(/'((?:order|payment|shipment|product)\.[a-z]+)'/g)].map(([, topic]) => topic!))
  expect([...new Set(said)].sort()).toEqual(Object.keys(document.channels).sort())
})

const ajv = new Ajv2020({ strict: false })
addFormats.default(ajv)
ajv.addSchema({ $id: 'events', ...document })
const id = '0b0c5c2e-6d0f-4b8e-9d7a-2f1f5c7a9e10'
const event = (topic: string, data: object) => ({ specversion: '1.0', id, source: topic.split('.')[0], type: topic, subject: id, time: '2026-01-01T00:00:00.000Z', datacontenttype: 'application/json', data })
const address = { recipient: 'Alice', line1: 'Lantern Row 7', postalCode: '10115', city: 'Berlin', country: 'DE' }
const paid = { orderId: id, customerId: id, delivery: 'standard', address, lines: [{ productId: id, name: 'Lamp', quantity: 1 }] }

test.each([
  ['order.paid', paid, true], ['order.paid', { ...paid, lines: [] }, false], ['order.paid', { orderId: id, customerId: id }, false],
  ['payment.captured', { orderId: id, amountMinor: 100, currency: 'EUR', invoice: '2026-000001' }, true], ['payment.captured', { orderId: id, amountMinor: 1.5, currency: 'EUR', invoice: '2026-000001' }, false],
  ['shipment.created', { orderId: id, shipmentId: id }, true], ['shipment.created', { orderId: id }, false],
])('the schema of %s judges %o as %s', (topic, data, isGood) => {
  const ref = document.components.messages[topic].payload.$ref as string
  expect(ajv.compile({ $ref: `events${ref}` })(event(topic, data))).toBe(isGood)
})
