import * as dns from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answer, find, RCODE, type Names } from './dns-answer.ts'

const instance = (n: number, port = 26_000 + n) => ({ id: `catalog-${n}`, key: `catalog-${n}@127.0.0.1:${port}`, origin: '', host: `127.0.0.${n}`, port, version: '1' })
const lists: Record<string, { revision: number; instances: ReturnType<typeof instance>[] }> = {
  catalog: { revision: 2, instances: [instance(1), instance(2)] }, many: { revision: 1, instances: Array.from({ length: 29 }, (_, n) => instance(n + 1)) },
  gone: { revision: 3, instances: [] }, new: { revision: 0, instances: [] },
}
const names: Names = { trustDomain: 'shop.test', admitted: (service) => (Object.hasOwn(lists, service) ? lists[service] : undefined) }
const query = (name: string, type = 'A', more: Partial<dns.Packet> = {}) => dns.encode({ type: 'query', id: 7, flags: dns.RECURSION_DESIRED, questions: [{ name, type: type as 'A' }], ...more })
const edns = (udpPayloadSize: number, ednsVersion = 0): Partial<dns.Packet> => ({ additionals: [{ type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion, flags: 0, flag_do: false, options: [] }] })
const say = (bytes: Buffer, transport: 'udp' | 'tcp' = 'udp') => {
  const reply = answer(bytes, names, transport)!
  const packet = dns.decode(reply.bytes)
  return { ...packet, rcode: reply.bytes[3]! & 15, size: reply.bytes.length, denied: reply.denied }
}

test.each([
  ['catalog.service.shop.test', 'A', RCODE.ok, ['127.0.0.1', '127.0.0.2']],
  ['CataLog.Service.shop.TEST', 'A', RCODE.ok, ['127.0.0.1', '127.0.0.2']],
  ['catalog-2.catalog.service.shop.test', 'A', RCODE.ok, ['127.0.0.2']],
  ['_mesh._tcp.catalog.service.shop.test', 'SRV', RCODE.ok, [1, 2].map((n) => ({ priority: 0, weight: 1, port: 26_000 + n, target: `catalog-${n}.catalog.service.shop.test` }))],
  ['_mesh._tcp.catalog.service.shop.test', 'A', RCODE.ok, []],
  ['catalog.service.shop.test', 'SRV', RCODE.ok, []],
  ['catalog.service.shop.test', 'AAAA', RCODE.ok, []],
  ['catalog.service.shop.test', 'AXFR', RCODE.ok, []],
  ['_tcp.catalog.service.shop.test', 'A', RCODE.ok, []],
  ['shop.test', 'ANY', RCODE.ok, []],
  ['service.shop.test', 'NS', RCODE.ok, []],
  ['gone.service.shop.test', 'A', RCODE.ok, []],
  ['new.service.shop.test', 'A', RCODE.failed, []],
  ['_mesh._tcp.new.service.shop.test', 'SRV', RCODE.failed, []],
  ['catalog-9.catalog.service.shop.test', 'A', RCODE.absent, []],
  ['_http._tcp.catalog.service.shop.test', 'SRV', RCODE.absent, []],
  ['consul-1.node.shop.test', 'A', RCODE.absent, []],
  ['billing.service.shop.test', 'A', RCODE.refused, []],
  ['_mesh._tcp.billing.service.shop.test', 'SRV', RCODE.refused, []],
  ['constructor.service.shop.test', 'A', RCODE.refused, []],
  ['catalog.service.shop.test.', 'A', RCODE.ok, ['127.0.0.1', '127.0.0.2']],
  ['catalog.service.shop.test.evil.example', 'A', RCODE.refused, []],
  ['notshop.test', 'A', RCODE.refused, []],
  ['.', 'NS', RCODE.refused, []],
])('S7.3 %s %s is %i %j', (name, type, rcode, data) => {
  const said = say(query(name, type, edns(1_232)))
  expect([said.rcode, said.answers!.map((one) => 'data' in one && one.data)]).toEqual([rcode, data])
  expect(said).toMatchObject({ id: 7, type: 'response', flag_ra: false, flag_rd: true, flag_aa: rcode === RCODE.ok || rcode === RCODE.absent })
  expect(said.denied !== undefined).toBe(rcode === RCODE.refused)
  for (const one of [...said.answers!, ...said.additionals!]) if ('ttl' in one) expect(one.ttl).toBe(1)
})

const dotted = Buffer.concat([query('.').subarray(0, 12), Buffer.from([15]), Buffer.from('catalog.service'), Buffer.from([4]), Buffer.from('shop'), Buffer.from([4]), Buffer.from('test'), Buffer.from([0, 0, 1, 0, 1])])
test.each([
  ['two questions', query('a', 'A', { questions: [{ name: 'a', type: 'A' }, { name: 'b', type: 'A' }] }), RCODE.malformed],
  ['a header alone', query('a').subarray(0, 12), RCODE.malformed],
  ['a name cut off', query('catalog.service.shop.test').subarray(0, 20), RCODE.malformed],
  ['a dot inside a label', dotted, RCODE.malformed],
  ['two OPT records', query('a', 'A', { additionals: [...edns(512).additionals!, ...edns(512).additionals!] }), RCODE.malformed],
  ['an update', query('shop.test', 'SOA', { flags: 5 << 11 }), RCODE.notImplemented],
  ['another class', query('version.bind', 'TXT', { questions: [{ name: 'version.bind', type: 'TXT', class: 'CH' }] }), RCODE.refused],
  ['an EDNS to come', query('catalog.service.shop.test', 'A', edns(1_232, 1)), RCODE.badVersion & 15],
])('%s', (_name, bytes, rcode) => expect(say(bytes)).toMatchObject({ rcode, answers: [] }))

test.each([['an answer', dns.encode({ type: 'response', id: 1, questions: [{ name: 'a', type: 'A' }] })], ['a scrap', Buffer.alloc(11)]])('%s gets none', (_name, bytes) => expect(answer(bytes, names, 'udp')).toBeNull())

test.each([[undefined, 512], [100, 512], [900, 900], [65_535, 1_232]])('a UDP answer for %s bytes is at most %i: additional records go first, then all with TC; TCP has it whole', (asked, most) => {
  for (const [name, type] of [['many.service.shop.test', 'A'], ['_mesh._tcp.many.service.shop.test', 'SRV'], ['_mesh._tcp.catalog.service.shop.test', 'SRV']] as const) {
    const bytes = query(name, type, asked === undefined ? {} : edns(asked))
    const [udp, tcp] = [say(bytes), say(bytes, 'tcp')]
    expect(udp.size).toBeLessThanOrEqual(most)
    expect(udp.answers).toEqual(udp.flag_tc ? [] : tcp.answers)
    expect([tcp.flag_tc, tcp.answers!.length]).toEqual([false, name.includes('many') ? 29 : 2])
  }
})

describe('any bytes', () => {
  const mutated = fc.tuple(fc.constantFrom(query('catalog.service.shop.test'), query('_mesh._tcp.many.service.shop.test', 'SRV', edns(4_096)), dotted), fc.array(fc.tuple(fc.nat(90), fc.nat(255)))).map(([bytes, changes]) => {
    const copy = Buffer.from(bytes)
    for (const [at, value] of changes) if (at < copy.length) copy[at] = value
    return copy
  })
  test('never throw; an answer is one, to that id, no larger than asked for, and no question', () => {
    fc.assert(fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))), (bytes) => {
      const reply = answer(bytes, names, 'udp')
      if (!reply) return
      const packet = dns.decode(reply.bytes)
      expect([packet.type, packet.id, reply.bytes.length <= UDP_MOST]).toEqual(['response', bytes.readUInt16BE(0), true])
      expect(answer(reply.bytes, names, 'udp')).toBeNull()
    }), { numRuns: 2_000 })
  })
  const UDP_MOST = 1_232
})

test('no name outside policy ever gets data', () => {
  fc.assert(fc.property(fc.string(), fc.constantFrom('A', 'SRV'), (label, type) => {
    const { rcode, answers = [] } = find(`${label.toLowerCase()}.service.shop.test`, type, { ...names, admitted: () => undefined })
    expect([rcode, answers]).toEqual([RCODE.refused, []])
  }))
})
