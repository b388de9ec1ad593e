/** The resolver on real sockets, asked by c-ares, before a real directory. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Resolver } from 'node:dns/promises'
import { connect } from 'node:net'
import * as dns from 'dns-packet'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SecurityEvent } from '@shop/chassis/security-event.ts'
import { createAdmission, type Admission } from './admission.ts'
import { systemClock } from './clock.ts'
import { consulDirectory } from './consul-directory.ts'
import type { Directory } from './directory.ts'
import { startResolver } from './resolver.ts'

const PORT = 26_090
const log = pino({ level: 'silent' })
const events: SecurityEvent['data'][] = []
const registry = { index: 1, known: new Map<string, number[]>(), wake: () => {} }
const register = (name: string, ports: number[]) => { registry.known.set(name, ports); registry.index++; registry.wake() }
let directory: Directory
let admission: Admission
let resolver: Awaited<ReturnType<typeof startResolver>>
const start = () => startResolver({ port: PORT, log, now: systemClock.now, report: (event) => events.push(event), names: { trustDomain: 'shop.test', admitted: (service) => (service === 'catalog' ? admission.admitted(service) : undefined) } })

beforeAll(async () => {
  directory = consulDirectory(['catalog'], async (path) => {
    const name = new URL(path, 'https://registry').pathname.split('/').at(-1)!
    if (!registry.known.has(name) || Number(/index=(\d+)/.exec(path)![1]) >= registry.index) await new Promise<void>((resolve) => { registry.wake = resolve })
    const entries = registry.known.get(name)!.map((Port, n) => ({ Service: { ID: `catalog-${n + 1}`, Address: '127.0.0.1', Port } }))
    return { status: 200, headers: { 'x-consul-index': String(registry.index) }, body: Buffer.from(JSON.stringify(entries)) }
  }, log, systemClock)
  admission = createAdmission(directory, systemClock)
  resolver = await start()
})
afterAll(async () => {
  directory.stop()
  await resolver.stop()
})

const stub = new Resolver({ timeout: 5_000, tries: 1 })
stub.setServers([`127.0.0.1:${PORT}`])
const ask = (kind: 'resolve4' | 'resolveSrv', name: string): Promise<unknown> => stub[kind](name).catch((error: NodeJS.ErrnoException) => error.code)
const CATALOG = 'catalog.service.shop.test'
const ports = async () => ((await ask('resolveSrv', `_mesh._tcp.${CATALOG}`)) as { port: number }[]).map(({ port }) => port).sort()
const list = () => new Promise<void>((resolve) => directory.onChange(() => resolve()))

test('S7.3 the name follows the list: unknown, there, without a sick one, gone, back', async () => {
  expect(await ask('resolve4', CATALOG)).toBe('ESERVFAIL')
  let changed = list()
  register('catalog', [26_101, 26_102])
  await changed
  expect([await ask('resolve4', CATALOG), await ask('resolve4', `catalog-1.${CATALOG}`), await ports()]).toEqual([['127.0.0.1'], ['127.0.0.1'], [26_101, 26_102]])
  admission.outliersOf('catalog').impostor('catalog-1@127.0.0.1:26101', systemClock.now()) // balancing leaves it out, and so do we
  expect([await ports(), admission.admitted('catalog').instances.map(({ port }) => port)]).toEqual([[26_102], [26_102]])
  changed = list()
  register('catalog', [])
  await changed
  expect(await ask('resolve4', CATALOG)).toBe('ENODATA')
  changed = list()
  register('catalog', Array.from({ length: 29 }, (_, n) => 26_200 + n))
  await changed
  expect(await ports()).toHaveLength(29) // more than UDP holds: c-ares came back by TCP
})

test('S3.4 a name that policy does not give is refused, and told', async () => {
  expect([await ask('resolve4', 'shipping.service.shop.test'), await ask('resolve4', 'example.com'), await ask('resolve4', 'x.shop.test')]).toEqual(['EREFUSED', 'EREFUSED', 'ENOTFOUND'])
  expect(events.map(({ detection, control, reason, address }) => [detection, control, reason, address?.split(':')[0]])).toEqual(
    ['shipping.service.shop.test', 'example.com'].map((name) => ['REGISTRY-DENY', 'resolve', `name ${name}`, '127.0.0.1']))
})

test('TCP: questions in any pieces get one answer each; garbage, answers and length end the connection', async () => {
  const question = dns.encode({ type: 'query', id: 9, questions: [{ name: CATALOG, type: 'A' }] })
  const framed = Buffer.concat([Buffer.from([0, question.length]), question])
  const talk = async (chunks: Buffer[]) => {
    const socket = connect(PORT, '127.0.0.1')
    let got = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => { got = Buffer.concat([got, chunk]) }).on('error', () => {})
    for (const chunk of chunks) await new Promise((resolve) => socket.write(chunk, resolve))
    socket.end()
    await once(socket, 'close')
    const ids: number[] = []
    for (; got.length; got = got.subarray(2 + got.readUInt16BE(0))) ids.push(got.readUInt16BE(2))
    return ids
  }
  expect(await talk([framed.subarray(0, 1), framed.subarray(1, 9), Buffer.concat([framed.subarray(9), framed])])).toEqual([9, 9])
  for (const bad of [Buffer.from([0, 3, 1, 2, 3]), Buffer.from([0xff, 0xff, 0]), Buffer.concat([Buffer.from([0, 12]), Buffer.from('000180000000000000000000', 'hex')])]) expect(await talk([bad, framed])).toEqual([])
})

test('a successor shares the port, and the predecessor leaves without a gap', async () => {
  const next = await start()
  await resolver.stop()
  resolver = next
  expect([await ask('resolve4', CATALOG), (await ports()).length]).toEqual([['127.0.0.1'], 29])
})

test('S8.1 a flood is refused, and at most one answer comes for each question', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  let [sent, answers, refused] = [0, 0, 0]
  socket.on('message', (bytes) => { answers++; if ((bytes[3]! & 15) === 5) refused++ })
  const question = dns.encode({ type: 'query', id: 9, questions: [{ name: CATALOG, type: 'A' }] })
  while (refused === 0) {
    for (let n = 0; n < 20; n++) socket.send(question, PORT, '127.0.0.1', () => { sent++ })
    await new Promise(setImmediate) // both ends live on this one loop
  }
  expect(answers).toBeLessThanOrEqual(sent)
  expect(answers - refused).toBeGreaterThan(100)
  socket.close()
})
