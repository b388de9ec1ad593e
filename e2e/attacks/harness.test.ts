import { describe, expect, test } from 'vitest'
import { NotRun, type Attack } from './attack.ts'
import { isAbout, type SecurityEvent } from './detection.ts'
import { runAttacks, type World } from './harness.ts'
import type { Harm } from './honest.ts'
import { junit, sarif } from './report.ts'

/** A small world: one control that refuses and reports, a switch for it, and honest traffic that fails on demand. */
function smallWorld(faults: { isSilent?: true; isDead?: true; isStuck?: true; otherControl?: true; cannotSwitch?: true; hurtsHonest?: keyof Harm } = {}) {
  const events: SecurityEvent[] = []
  const switched: string[] = []
  let honest: Harm = { failed: [], late: [] }
  let isOff = false
  const hurt = (how: keyof Harm) => void honest[how].push('cart: 503')
  const world: World = {
    open: () => ({ visitor: () => { throw new Error('none here') }, signIn: async () => { throw new Error('none here') }, insider: async () => { throw new Error('none here') }, isFast: true, tell: () => {}, shared: (_name, make) => make(), takeOver: async () => {}, changeRules: async () => {}, close: async () => {} }),
    watch: () => ({ seen: () => events, wait: async (until) => { await new Promise((resolve) => setTimeout(resolve, 5)); return Date.now() < until } }),
    async lab(action, control) {
      switched.push(`${action} ${control}`)
      if (action === 'off' && faults.cannotSwitch) throw new Error('no such control')
      if (faults.hurtsHonest) hurt(faults.hurtsHonest)
      if (!faults.isDead && !(faults.isStuck && action === 'on')) isOff = action === 'off'
    },
    honestHarm() { const taken = honest; honest = { failed: [], late: [] }; return taken },
  }
  /** What stands in for the product: refuses the bad while the control is on, and the good never. */
  const ask = (traceId: string, isBad: boolean) => {
    if (!isBad || isOff) return { status: 200, json: { secret: 1 } }
    if (!faults.isSilent) events.push({
      type: 'security.refused', source: 'gate-1', time: '', receivedAt: new Date().toISOString(),
      data: { detection: 'ACE1', control: faults.otherControl ? 'other' : 'gate', strategies: ['S2.1'], code: 'refused', traceId },
    })
    return { status: 403, json: { code: 'refused', status: 403, traceId } }
  }
  const planted = (changes: Partial<Attack> = {}): Attack => ({
    id: 'S2.1-a', strategies: ['S2.1'], kind: 'attack', goal: 'read what is not mine', without: 'gate', stopped: { code: 'refused', detection: 'ACE1' },
    async run(scene) {
      const answer = ask(scene.traceId, true)
      scene.answered(answer, 'GET /secret')
      return answer.status === 200
    },
    probe: async (scene) => ask(scene.traceId, false).status === 200,
    ...changes,
  })
  const run = (attack = planted(), onOnly = false) => runAttacks([attack], world, { onOnly, detectWithinMs: 60, progress: () => {} }).then(([result]) => result!)
  return { planted, run, switched, world, hurt }
}

test('a control that stops, reports and can be left out is proven, in four phases and two turns of the switch', async () => {
  const { run, switched } = smallWorld()
  const result = await run()
  expect(result).toMatchObject({ outcome: 'proven', on: { goalReached: false, detected: true, stoppedBy: 'gate-1 refused', status: 403 }, intact: true, probe: { succeeded: true }, off: { control: 'gate', goalReached: true }, again: { goalReached: false } })
  expect(switched).toEqual(['off gate', 'on gate'])
})

describe('what is not proven is called by its name', () => {
  test('a planted hole: won', async () => {
    const { run, planted, switched } = smallWorld()
    expect((await run(planted({ run: async () => true }))).outcome).toBe('won')
    expect(switched, 'nothing is left out for an attack that wins anyway').toEqual([])
  })
  test('something changed although the attack was refused: won', async () => {
    const { run, planted } = smallWorld()
    expect((await run(planted({ isIntact: async () => false }))).outcome).toBe('won')
  })
  test('stopped, but nobody was told: undetected', async () => expect((await smallWorld({ isSilent: true }).run()).outcome).toBe('undetected'))
  test('stopped without a sign that an event could be about: undetected', async () => {
    const { run, planted } = smallWorld()
    expect((await run(planted({ run: async () => false }))).outcome).toBe('undetected')
  })
  test('one of many refusals was not reported: undetected, and it says how many', async () => {
    const { run, planted } = smallWorld()
    const result = await run(planted({ async run(scene) { scene.refused({ traceId: 'nobody saw this' }); return planted().run(scene) } }))
    expect(result).toMatchObject({ outcome: 'undetected', reason: expect.stringContaining('1 of 2 refusals') })
  })
  test('another control stopped it: error, and it says which', async () => expect(await smallWorld({ otherControl: true }).run()).toMatchObject({ outcome: 'error', reason: expect.stringContaining('stopped by other') }))
  test('a switch that switches nothing: off-failed', async () => expect((await smallWorld({ isDead: true }).run()).outcome).toBe('off-failed'))
  test('a switch that does not come back: won', async () => expect((await smallWorld({ isStuck: true }).run()).outcome).toBe('won'))
  test('a switch that fails: error, and the control is put back all the same', async () => {
    const { run, switched } = smallWorld({ cannotSwitch: true })
    expect(await run()).toMatchObject({ outcome: 'error', reason: expect.stringContaining('no such control') })
    expect(switched.at(-1)).toBe('on gate')
  })
  test.each([['fails', async () => false], ['throws', async () => { throw new Error('no shop') }]])('a probe that %s: error', async (_, probe) => {
    const { run, planted } = smallWorld()
    expect((await run(planted({ probe }))).outcome).toBe('error')
  })
  test('an attack that cannot be tried: error; that cannot be tried here: not-run with its reason', async () => {
    const { run, planted } = smallWorld()
    expect(await run(planted({ run: async () => { throw new Error('connection refused') } }))).toMatchObject({ outcome: 'error', reason: 'on: connection refused' })
    expect(await run(planted({ run: async () => { throw new NotRun('only root can') } }))).toMatchObject({ outcome: 'not-run', reason: 'only root can' })
  })
  test('honest traffic beside it was harmed: won; while switching: error', async () => {
    const { run, planted, hurt } = smallWorld()
    const hurting = (how: keyof Harm) => run(planted({ async run(scene) { hurt(how); return planted().run(scene) } }))
    expect(await hurting('failed')).toMatchObject({ outcome: 'won', intact: false })
    for (const how of ['failed', 'late'] as const) expect(await smallWorld({ hurtsHonest: how }).run()).toMatchObject({ outcome: 'error', reason: expect.stringContaining('honest traffic failed while switching') })
    expect((await hurting('late')).outcome, 'a machine that is busy beside an attack').toBe('proven')
  })
})

describe('a control that only tells: winning is to go unnoticed', () => {
  /** A watcher that refuses nothing, a switch for it, and a producer whose sentinel always comes through, unless it is dead. */
  function watched(faults: { isDeaf?: true; isDead?: true; isHalfDeaf?: true; isStuck?: true; saysNothing?: true } = {}) {
    const events: SecurityEvent[] = []
    let isOff = false
    const tell = (code: string, traceId: string) => events.push({ type: `security.${code}`, source: 'gate-1', time: '', receivedAt: new Date().toISOString(), data: { detection: 'CIE1', control: 'watcher', strategies: ['S5.1'], code, traceId } })
    const { world } = smallWorld()
    const own: World = {
      ...world, watch: () => { const from = events.length; return { seen: () => events.slice(from), wait: async (until) => { await new Promise((resolve) => setTimeout(resolve, 5)); return Date.now() < until } } },
      async lab(action) { if (!faults.isDead && !(faults.isStuck && action === 'on')) isOff = action === 'off' },
    }
    let deeds = 0
    const attack: Attack = {
      id: 'S5.1-x', strategies: ['S5.1'], kind: 'attack', goal: 'try unnoticed', without: 'watcher', stopped: { code: 'seen', detection: 'CIE1' },
      async run(scene) {
        for (const { traceId } of [scene.trace(), scene.trace()]) {
          deeds += 1
          if (!isOff && !faults.isDeaf && !(faults.isHalfDeaf && deeds % 2)) tell('seen', traceId)
          scene.refused({ traceId })
        }
        return true
      },
      async sentinel(scene) {
        if (!faults.saysNothing) tell('other', scene.traceId)
        return { traceId: scene.traceId, code: 'other' }
      },
      probe: async () => true,
    }
    return runAttacks([attack], own, { onOnly: false, detectWithinMs: 60, progress: () => {} }).then(([result]) => result!)
  }
  test('noticed, unnoticed without it, noticed again: proven', async () => expect(await watched()).toMatchObject({ outcome: 'proven', on: { goalReached: false, detected: true }, off: { goalReached: true }, again: { goalReached: false } }))
  test('noticed by nobody, or only half of it: undetected', async () => {
    expect((await watched({ isDeaf: true })).outcome).toBe('undetected')
    expect((await watched({ isHalfDeaf: true })).outcome).toBe('undetected')
  })
  test('a switch that switches nothing: off-failed; that does not come back: won', async () => {
    expect((await watched({ isDead: true })).outcome).toBe('off-failed')
    expect((await watched({ isStuck: true })).outcome).toBe('won')
  })
  test('a producer that says nothing at all proves nothing: error', async () => expect(await watched({ saysNothing: true })).toMatchObject({ outcome: 'error', reason: expect.stringContaining('the sentinel was not seen') }))
})

test('with --on-only nothing is switched', async () => {
  const { run, planted, switched } = smallWorld()
  expect((await run(planted(), true)).outcome).toBe('proven')
  expect(switched).toEqual([])
})

test('a property of the code has no switch, and nothing that could be reported', async () => {
  const { run, planted, switched } = smallWorld()
  expect(await run(planted({ kind: 'inherent', without: null, stopped: null, run: async () => false }))).toMatchObject({ outcome: 'proven', on: { detected: false, stoppedBy: 'by construction' } })
  expect(switched).toEqual([])
})

test('JUnit and SARIF say what failed, escaped', async () => {
  const { run, planted } = smallWorld()
  const attacks = [await run(), await run(planted({ goal: 'a <b> & "c"', run: async () => true }))]
  const report = { version: 1 as const, startedAt: '', finishedAt: '', commit: '', attacks }
  expect(junit(report)).toContain('tests="2" failures="1" errors="0" skipped="0"')
  expect(junit(report)).not.toMatch(/<b>/)
  expect(sarif(report)).toMatchObject({ runs: [{ results: [{ ruleId: 'S2.1', level: 'error' }] }] })
})

test('a sign that says who must have seen it is not met by another', () => {
  const event: SecurityEvent = { type: '', source: 'order-2-gateway', time: '', receivedAt: '', data: { detection: 'MTLS-REJECT', control: 'peer-id', strategies: [], code: 'peer-mismatch', address: '127.0.0.9:1' } }
  expect(isAbout({ address: '127.0.0.9:1', source: 'order-' }, event)).toBe(true)
  expect(isAbout({ address: '127.0.0.9:1', source: 'edge' }, event)).toBe(false)
  expect(isAbout({ source: 'order-' }, event), 'who saw it says not what it is about').toBe(false)
})
