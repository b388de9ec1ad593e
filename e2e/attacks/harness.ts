/**
 * The five things that make a row of the catalogue pass: stopped, intact, for the stated reason (probe), won without
 * the control, stopped again. Each phase is a fresh scene; a control is switched once for all its attacks.
 */
import { randomBytes } from 'node:crypto'
import { eventually, events, Visitor } from '../shop.ts'
import type { Attack, Scene } from './attack.ts'
import { command } from './commands.ts'
import { hold, type Insider } from './insider.ts'

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

const DETECT_WITHIN_MS = 5_000

/** Runs one phase with everything fresh, and closes what it opened. */
async function inScene<T>(evidence: Record<string, unknown>[], phase: string, play: (scene: Scene) => Promise<T>): Promise<T> {
  const traceId = randomBytes(16).toString('hex')
  const open: { close(): Promise<void> }[] = []
  const keep = <O extends { close(): Promise<void> }>(one: O): O => { open.push(one); return one }
  try {
    return await play({
      traceId, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
      visitor: () => keep(new Visitor()),
      signIn: (username) => keep(new Visitor()).signIn(username),
      insider: async (workload): Promise<Insider> => keep(await hold(workload)),
      note: (seen) => { evidence.push({ phase, traceId, ...seen }) },
    })
  } finally {
    await Promise.allSettled(open.map((one) => one.close()))
  }
}

/** With the control on: the attack, its detection, what it left, and its honest twin. */
async function whileOn(attack: Attack, result: Result): Promise<void> {
  let traceId = ''
  const since = new Date(Date.now() - 1_000).toISOString()
  const started = Date.now()
  const goalReached = await inScene(result.evidence, 'on', async (scene) => {
    traceId = scene.traceId
    const won = await attack.run(scene)
    result.intact = attack.isIntact ? await attack.isIntact(scene) : !won
    return won
  })
  const last = result.evidence.filter((e) => e['phase'] === 'on').at(-1)
  const seen = await eventually('the detection', async () => (await events({ traceId: String(last?.['traceIdOfAnswer'] ?? traceId), since })).find((e) => e.data.detection === attack.stopped.detection), DETECT_WITHIN_MS).catch(() => undefined)
  result.on = {
    goalReached, detected: seen !== undefined, stoppedBy: seen ? `${seen.source} ${seen.data.code}` : String(last?.['code'] ?? 'unknown'),
    ...(typeof last?.['status'] === 'number' && { status: last['status'] }),
    ...(seen && { detection: { event: seen.type, component: seen.source, afterMs: Date.parse(seen.time) - started, traceId: seen.data.traceId } }),
  }
  const isForTheStatedReason = seen?.data.code === attack.stopped.code && (attack.without === null || seen.data.control === attack.without)
  if (seen && !isForTheStatedReason) result.reason = `stopped by ${seen.data.control} (${seen.data.code}), not by ${attack.without ?? 'what it should'} (${attack.stopped.code})`
  result.probe = { succeeded: await inScene(result.evidence, 'probe', attack.probe) }
}

/** What the phases so far say; undefined while all is well. */
function verdict(result: Result, attack: Attack): Outcome | undefined {
  if (result.on?.goalReached || result.intact === false) return 'won'
  if (result.probe?.succeeded === false) { result.reason ??= 'the honest twin failed too: the refusal proves nothing'; return 'error' }
  if (result.on?.detected === false) return 'undetected'
  if (result.reason) return 'error'
  if (attack.without !== null && result.off?.goalReached === false) { result.reason ??= `the attack failed also without ${attack.without}`; return 'off-failed' }
  if (result.again?.goalReached) return 'won'
  return undefined
}

async function guarded(result: Result, phase: string, work: () => Promise<void>): Promise<boolean> {
  const started = Date.now()
  try {
    await work()
    return true
  } catch (error) {
    result.outcome = 'error'
    result.reason = `${phase}: ${error instanceof Error ? [error.message, error.cause instanceof Error ? error.cause.message : ''].filter(Boolean).join(': ') : String(error)}`
    return false
  } finally {
    result.durationMs += Date.now() - started
  }
}

/** All on phases first; then control by control: off, its attacks, on, its attacks again. */
export async function runAttacks(chosen: Attack[], options: { onOnly: boolean; progress(line: string): void }): Promise<Result[]> {
  const results = new Map(chosen.map((attack) => [attack, { id: attack.id, strategies: attack.strategies, kind: attack.kind, goal: attack.goal, outcome: 'proven', evidence: [], durationMs: 0 } as Result]))
  const standing: Attack[] = []
  const judge = (attack: Attack): void => {
    const result = results.get(attack)!
    result.outcome = result.outcome === 'error' ? 'error' : (verdict(result, attack) ?? 'proven')
  }
  for (const attack of chosen) {
    const result = results.get(attack)!
    options.progress(`${attack.id}  on: ${attack.goal}`)
    if (await guarded(result, 'on', () => whileOn(attack, result))) { judge(attack); if (result.outcome === 'proven') standing.push(attack) }
  }
  if (options.onOnly) return [...results.values()]
  for (const [control, attacks] of Map.groupBy(standing.filter((a) => a.without !== null), (a) => a.without!)) {
    const each = async (phase: string, work: (attack: Attack, result: Result) => Promise<void>) => {
      for (const attack of attacks) if (results.get(attack)!.outcome === 'proven') { options.progress(`${attack.id}  ${phase}`); await guarded(results.get(attack)!, phase, () => work(attack, results.get(attack)!)) }
    }
    let isOff = false
    try {
      await command('lab', 'off', control)
      isOff = true
      await each(`without ${control}`, async (attack, result) => { result.off = { control, goalReached: await inScene(result.evidence, 'off', attack.run) } })
    } catch (error) {
      for (const attack of attacks) Object.assign(results.get(attack)!, { outcome: 'error', reason: `lab off ${control}: ${(error as Error).message}` })
    } finally {
      if (isOff) await command('lab', 'on', control)
    }
    await each('again', async (attack, result) => { result.again = { goalReached: await inScene(result.evidence, 'again', attack.run) } })
    attacks.forEach(judge)
  }
  return [...results.values()]
}
