import fc from 'fast-check'
import { expect, test } from 'vitest'
import { childOf, continueTrace, newTrace, parseTraceparent, traceparent, type TraceContext } from './trace.ts'

const [TRACE, SPAN] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']

test('S12.4 no id is given twice, however many are asked for, and each is whole', () => {
  const made: TraceContext[] = []
  for (let i = 0; i < 20_000; i++) made.push(newTrace(false))
  const spans = [...made, ...made.map(childOf)].map((t) => t.spanId)
  expect([new Set(made.map((t) => t.traceId)).size, new Set(spans).size]).toEqual([20_000, 40_000])
  expect(made.filter((t) => !/^[0-9a-f]{32}$/.test(t.traceId) || !/^[0-9a-f]{16}$/.test(t.spanId))).toEqual([])
  // Every digit stands in every place: nothing of a shorter source was stretched.
  for (let at = 0; at < 32; at++) expect(new Set(made.map((t) => t.traceId[at])).size).toBe(16)
})

test('a child keeps its trace and names its parent', () => {
  const parent = newTrace(true), child = childOf(childOf(parent))
  expect(child).toMatchObject({ traceId: parent.traceId, isSampled: true })
  expect(new Set([parent.spanId, child.parentSpanId, child.spanId]).size).toBe(3)
  expect(parseTraceparent(traceparent(child))).toEqual({ traceId: child.traceId, spanId: child.spanId, isSampled: true })
})

test.each([['00', false], ['01', true], ['02', false], ['03', true], ['fe', false], ['ff', true]])('reads flags %s', (flags, isSampled) => {
  expect(parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled })
})

test.each([
  undefined, '', '00', `00-${TRACE}-${SPAN}`, `01-${TRACE}-${SPAN}-01`, `00-${'0'.repeat(32)}-${SPAN}-01`, `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01 `, `00-${TRACE}-${SPAN}-01\n`, ` 00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01-x`, `00-${TRACE}-${SPAN}-0g`, `00-${TRACE}${SPAN}--01`,
])('reads no trace in %j', (header) => {
  expect([parseTraceparent(header), continueTrace(header)]).toEqual([null, null])
})

test('what is read is what was written', () => {
  const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`)).filter((text) => !/^0+$/.test(text))
  fc.assert(fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, isSampled) => {
    expect(parseTraceparent(traceparent({ traceId, spanId, isSampled }))).toEqual({ traceId, spanId, isSampled })
  }))
})
