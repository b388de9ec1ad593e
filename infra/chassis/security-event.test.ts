import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJsonStrictly } from './operation.ts'
import { createReporter, EventsRefused, securityEventSchema, type SecurityEvent } from './security-event.ts'

const detail = (reason: string): SecurityEvent['data'] => ({ detection: 'RE8', control: 'validate-request', strategies: ['S5.1'], code: 'body-malformed', severity: 'medium', reason, fields: [reason.slice(0, 64)] })

test('S5.1 whatever an attacker wrote, the event that tells of it is one that every reader takes', async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 150 }), fc.constantFrom('', '\ud800', '\udc00x', '\u0000', '\r\n', '😀'.repeat(40)), async (text, evil) => {
    const sent: SecurityEvent[] = []
    const reporter = createReporter('edge', async (events) => { sent.push(...events) })
    reporter.report(detail(evil + text))
    await reporter.flush()
    const read = parseJsonStrictly(Buffer.from(JSON.stringify(sent))) as unknown[]
    expect(securityEventSchema.safeParse(read[0]).success).toBe(true)
    expect(JSON.stringify(read)).not.toMatch(/\\u00[01]|\\[rnt]/)
  }))
})

test('S5.1 an event that the monitor does not take holds up no other, and its loss is told once', async () => {
  const kept: string[] = []
  const reporter = createReporter('edge', async (events) => {
    if (events.some(({ data }) => data.reason === 'poison')) throw new EventsRefused('400')
    kept.push(...events.map(({ data }) => data.reason!))
  })
  for (let i = 0; i < 250; i++) reporter.report(detail(i === 120 || i === 121 ? 'poison' : `${i}`))
  await reporter.flush()
  expect(kept.filter((reason) => /^\d+$/.test(reason))).toEqual(Array.from({ length: 250 }, (_, i) => `${i}`).filter((i) => i !== '120' && i !== '121'))
  expect(kept.filter((reason) => reason.includes('not taken'))).toEqual(['2 events did not fit the buffer or were not taken'])
})

test('S5.1 while the monitor is away events wait, in order', async () => {
  let isAway = true
  const kept: string[] = []
  const reporter = createReporter('edge', async (events) => {
    if (isAway) { isAway = false; throw new Error('503') }
    kept.push(...events.map(({ data }) => data.reason!))
  })
  for (const reason of ['a', 'b', 'c']) reporter.report(detail(reason))
  await reporter.flush()
  expect(kept).toEqual(['a', 'b', 'c'])
})
