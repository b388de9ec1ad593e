/**
 * The five things that make a row of the catalogue pass: stopped and detected, intact, for the stated reason (probe),
 * won without the control, stopped again. Each phase is a fresh scene; a control is switched once for all its attacks.
 */
import { NotRun, type Attack } from './attack.ts'
import { detect, type Sign, type Watch } from './detection.ts'
import type { Harm } from './honest.ts'
import { inScene, type Open } from './scene.ts'

export type Outcome = 'proven' | 'won' | 'undetected' | 'off-failed' | 'not-run' | 'error'
export type Result = {
  id: string; strategies: string[]; kind: Attack['kind']; goal: string; outcome: Outcome; reason?: string
  on?: { goalReached: boolean; stoppedBy: string; status?: number; detected: boolean; detection?: { event: string; component: string; afterMs: number; traceId: string } }
  off?: { control: string; goalReached: boolean }
  again?: { goalReached: boolean }
  probe?: { succeeded: boolean }
  intact?: boolean
  evidence: Record<string, unknown>[]
  durationMs: number
}

/** What the harness stands on; its own tests give it a small one. */
export type World = {
  /** What a scene works with. */
  open(): Open
  /** Security events from now on. */
  watch(): Watch
  lab(action: 'off' | 'on', control: string): Promise<void>
  /** What honest traffic has met since it was asked last. */
  honestHarm(): Harm
}
export type Options = { onOnly: boolean; lanes?: number; detectWithinMs?: number; progress(line: string): void }

/** Each sign as the attack states it: by code, detection id and control, where it says nothing else. */
const asStated = (attack: Attack, signs: Sign[]): Sign[] => signs.map((sign) => ({ ...attack.stopped, ...(attack.without !== null && { control: attack.without }), ...sign }))

/** How many of the deed's signs the monitor has once it has the sentinel's; throws when it never comes, for then nobody knows. */
async function noticed(world: World, attack: Attack, watch: Watch, signs: Sign[], evidence: Record<string, unknown>[], withinMs: number): Promise<number> {
  const { result: sentinel } = await inScene(world.open, evidence, 'sentinel', attack.sentinel!)
  if ((await detect(watch, [sentinel], withinMs)).missing.length) throw new Error(`the sentinel was not seen: ${JSON.stringify(sentinel)}`)
  return (await detect(watch, asStated(attack, signs), 0)).events.length
}

/** The attack once more, without its control or after it: whether the goal was reached. Unnoticed without it: no sign at all; with it: one is too many. */
async function replay(world: World, attack: Attack, result: Result, phase: 'off' | 'again', withinMs: number): Promise<boolean> {
  const watch = world.watch()
  const { result: isDone, signs } = await inScene(world.open, result.evidence, phase, attack.run)
  if (!attack.sentinel || !isDone) return isDone
  const seen = await noticed(world, attack, watch, signs, result.evidence, withinMs)
  return phase === 'off' ? seen === 0 : seen < signs.length
}

/** With the control on: the attack, its detection, what it left, and its honest twin. */
async function whileOn(world: World, attack: Attack, result: Result, withinMs: number): Promise<void> {
  const watch = world.watch()
  const { result: goalReached, signs, status, code } = await inScene(world.open, result.evidence, 'on', async (scene) => {
    const isDone = await attack.run(scene)
    if (attack.sentinel && !isDone) throw new Error('the deed could not be done, so nothing could be noticed')
    const won = isDone && !attack.sentinel
    result.intact = attack.isIntact ? await attack.isIntact(scene) : !won
    if (attack.stopped) scene.note({ expected: attack.stopped })
    return won
  })
  const ended = Date.now()
  // Without a sign of its own, an attack is known by nothing, and is undetected.
  const { events, missing, other } = attack.stopped && !goalReached ? await detect(watch, asStated(attack, signs), withinMs) : { events: [], missing: [], other: undefined }
  const first = events[0]
  const detected = attack.stopped === null ? false : !goalReached && signs.length > 0 && missing.length === 0
  result.on = {
    goalReached, detected, stoppedBy: first ? `${first.source} ${first.data.code}` : (code ?? (attack.stopped === null ? 'by construction' : 'unknown')),
    ...(status !== undefined && { status }),
    ...(first && { detection: { event: first.type, component: first.source, afterMs: Math.max(0, Date.parse(first.receivedAt) - ended), traceId: first.data.traceId ?? '' } }),
  }
  if (other) result.reason = `stopped by ${other.data.control} (${other.data.code}, ${other.data.detection}), not by ${attack.without ?? 'what it should'} (${attack.stopped?.code}, ${attack.stopped?.detection})`
  else if (missing.length) result.reason = `${missing.length} of ${signs.length} refusals without their event, as ${JSON.stringify(missing[0])}`
  result.probe = { succeeded: (await inScene(world.open, result.evidence, 'probe', attack.probe)).result }
}

/** What the phases so far say; 'proven' while all is well. */
export function verdict(result: Result, attack: Attack): Outcome {
  if (result.outcome === 'error' || result.outcome === 'not-run') return result.outcome
  const because = (outcome: Outcome, reason: string): Outcome => {
    result.reason ??= reason
    return outcome
  }
  if (result.on?.goalReached || result.intact === false) return because('won', result.on?.goalReached ? 'with every control on' : 'something has changed, or honest traffic was harmed')
  if (result.probe?.succeeded === false) return because('error', 'the honest twin failed too: the refusal proves nothing')
  if (attack.stopped && result.on?.detected === false) return result.reason?.startsWith('stopped by') ? 'error' : because('undetected', 'nothing was reported')
  if (result.off?.goalReached === false) return because('off-failed', `the attack failed also without ${attack.without}`)
  if (result.again?.goalReached) return because('won', `after ${attack.without} was back`)
  return 'proven'
}

/** All on phases first, several at once; then control by control: off, its attacks, on, its attacks again. */
export async function runAttacks(chosen: Attack[], world: World, { onOnly, lanes = 3, detectWithinMs = 5_000, progress }: Options): Promise<Result[]> {
  const results = new Map(chosen.map((attack) => [attack, { id: attack.id, strategies: attack.strategies, kind: attack.kind, goal: attack.goal, outcome: 'proven', evidence: [], durationMs: 0 } as Result]))
  const isStanding = (attack: Attack) => results.get(attack)!.outcome === 'proven'

  async function phase(attacks: Attack[], name: string, work: (attack: Attack, result: Result) => Promise<void>): Promise<void> {
    const one = async (attack: Attack) => {
      const result = results.get(attack)!
      progress(`${attack.id}  ${name}`)
      await guarded(result, name, () => work(attack, result))
    }
    world.honestHarm()
    await inLanes(attacks.filter((a) => !a.isExclusive && isStanding(a)), lanes, one)
    for (const attack of attacks.filter((a) => a.isExclusive && isStanding(a))) await one(attack)
    const { failed: harm, late } = world.honestHarm()
    if (late.length) progress(`honest traffic was late ${late.length} times, and served when it asked again: ${late[0]}`)
    for (const attack of attacks) {
      const result = results.get(attack)!
      if (harm.length && isStanding(attack)) Object.assign(result, { intact: false, reason: `honest traffic beside it failed: ${harm.slice(0, 3).join('; ')}` })
      result.outcome = verdict(result, attack)
    }
  }

  await phase(chosen, 'on', (attack, result) => whileOn(world, attack, result, detectWithinMs))
  if (onOnly) return [...results.values()]
  for (const [control, attacks] of Map.groupBy(chosen.filter((a) => a.without !== null && isStanding(a)), (a) => a.without!)) {
    const fail = (attack: Attack, reason: string) => Object.assign(results.get(attack)!, { outcome: 'error', reason })
    const turn = async (action: 'off' | 'on') => {
      world.honestHarm()
      await world.lab(action, control)
      const { failed, late } = world.honestHarm()
      const harm = [...failed, ...late] // a request that a switch loses comes late
      if (harm.length) throw new Error(`honest traffic failed while switching: ${harm.slice(0, 3).join('; ')}`)
    }
    let isOff = false
    try {
      isOff = true
      await turn('off')
      await phase(attacks, `without ${control}`, async (attack, result) => { result.off = { control, goalReached: await replay(world, attack, result, 'off', detectWithinMs) } })
    } catch (error) {
      for (const attack of attacks) fail(attack, `lab off ${control}: ${(error as Error).message}`)
    } finally {
      // Whatever happened: no run leaves a hole behind.
      if (isOff) await turn('on').catch((error: Error) => { for (const attack of attacks) fail(attack, `lab on ${control}: ${error.message}`) })
    }
    await phase(attacks, 'again', async (attack, result) => { result.again = { goalReached: await replay(world, attack, result, 'again', detectWithinMs) } })
  }
  return [...results.values()]
}

async function guarded(result: Result, phase: string, work: () => Promise<void>): Promise<void> {
  const started = Date.now()
  try {
    await work()
  } catch (error) {
    result.outcome = error instanceof NotRun ? 'not-run' : 'error'
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
    result.reason = error instanceof NotRun ? error.message : `${phase}: ${error instanceof Error ? error.message : String(error)}${cause}`
  } finally {
    result.durationMs += Date.now() - started
  }
}

async function inLanes<T>(list: T[], lanes: number, work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...list]
  const next = async (): Promise<void> => {
    const one = waiting.shift()
    if (one === undefined) return
    await work(one)
    return next()
  }
  await Promise.all(Array.from({ length: lanes }, next))
}
