import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ca, endpoints, Visitor } from '../shop.ts'
import { openChannel } from './channel.ts'
import { documentFiles, operationsOf, readDocument, readText } from './documents.ts'
import { offeredAt } from './doors.ts'
import { generate } from './generate.ts'
import type { Place } from './place.ts'
import { sharedMesh, speakers } from './places.ts'
import { walk } from './walk.ts'

const RUNS = Number(process.env['SHOP_CONTRACT_RUNS'] ?? 8)
const all = speakers()
const shared = sharedMesh()
afterAll(shared.close)

describe.each(all)('$place', ({ file, operations, open }) => {
  const isService = file.startsWith('services/')
  let place: Place
  beforeAll(async () => { place = await open(shared.mesh) })
  afterAll(() => place?.close())

  test.each(operations)('S5.1 $id keeps what its document promises, whoever asks for whatever', async (operation) => {
    const walked = await walk(place, operation)
    expect(walked.faults).toEqual([])
    expect(Math.min(walked.accepted, walked.refused)).toBeGreaterThan(0)
    // A service's operation knows each stranger that its gateway must know.
    if (isService) expect(walked.strangers).toBeGreaterThanOrEqual(8)
  })

  test.each(operations)('S5.1 $id takes what its schema admits, and nothing else', (operation) => generate(place, operation, RUNS))
})

test('every operation of every document is walked', () => {
  for (const file of documentFiles()) {
    const declared = [...readText(file).matchAll(/^ +operationId: *(\w+)/gm)].map(([, id]) => id)
    expect(declared.length).toBeGreaterThan(0)
    expect(new Set(all.filter((one) => one.file === file).flatMap(({ operations }) => operations.map(({ id }) => id)))).toEqual(new Set(declared))
  }
})

const edge = readDocument('gateway/edge/openapi.yaml')
test.each(['web', 'mobile', 'partner'] as const)('the document at the %s door lists what the door offers', async (door) => {
  const [acme] = endpoints.partner.clients
  const visitor = new Visitor(door === 'partner' ? acme : {})
  const answer = await visitor.get(new URL('/openapi.json', endpoints[door].url).href, door === 'partner' ? { 'api-key': acme!.apiKey } : {})
  await visitor.close()
  expect(operationsOf(answer.json)).toEqual(offeredAt(edge, door))
})

test('S2.1 an operation of another door does not exist', async () => {
  const channel = openChannel(new URL(endpoints.mobile.url).origin, { ca })
  const offered = new Set(offeredAt(edge, 'mobile').map(({ id }) => id))
  const others = operationsOf(edge).filter(({ id }) => !offered.has(id))
  for (const { method, path } of others) {
    const answer = await channel.send({ method, path: path.replaceAll(/\{\w+\}/g, randomUUID()), headers: {} })
    expect([method, path, answer.status, answer.json?.code]).toEqual([method, path, ...(isPathAt('mobile', path) ? [405, 'method-not-allowed'] : [404, 'operation-unknown'])])
  }
  await channel.close()
})
const isPathAt = (door: string, path: string) => offeredAt(edge, door).some((one) => one.path === path)
