/** The pairs: what is divided by what, and what we want of it. Every pair is measured in the same rounds as its neighbours. */
import { watchCaches } from './caches.ts'
import { findNginx } from './nginx.ts'
import { compare, judge, spread, type Goal, type Spread } from './ratios.ts'
import { runRounds, runSlice, sum, type Cost, type Side, type Size } from './rounds.ts'
import { openSides, type SideName, type Sides } from './sides.ts'
import { command, readEndpoints } from './system.ts'

type Pair = { says: string; above: SideName; below: SideName; /** Default: all that is counted. */ parts?: string[]; goal: Goal }

const EDGE = ['edge']
export const pairs: Record<string, Pair> = {
  'edge-idiomatic': { says: 'requests per CPU second: the edge with all controls ÷ https + undici.request + pipeline() without', above: 'idiomatic', below: 'system', parts: EDGE, goal: { better: 'more', goal: 1.9, acceptable: 1.3 } },
  'edge-tuned': { says: 'requests per CPU second: the edge with all controls ÷ a tuned proxy (https + undici dispatch) without', above: 'tuned', below: 'system', parts: EDGE, goal: { better: 'more', goal: 0.92, acceptable: 0.8 } },
  nginx: { says: 'requests per CPU second: the edge with all controls ÷ nginx without', above: 'nginx', below: 'system', parts: EDGE, goal: { better: 'more', goal: 0.45, acceptable: 0.33 } },
  'chain-warm': { says: 'CPU: the whole chain with all controls ÷ the bare chain; caches warm', above: 'system', below: 'bare', goal: { better: 'less', goal: 1.1, acceptable: 1.3 } },
  'chain-cold': { says: 'CPU: the whole chain with all controls ÷ the bare chain; no cache hits', above: 'cold', below: 'bare', goal: { better: 'less', goal: 1.45, acceptable: 1.7 } },
}
export const TRACING = 'tracing'
const tracingGoal: Goal = { better: 'less', goal: 1.08, acceptable: 1.2 }
/** They make spans. */
const TRACED = ['edge', 'gateway', 'service']

export type Row = { name: string; says: string; ratio: Spread; ofQuartiles: number; verdict: string; goal: Goal; above: Figures; below: Figures; more?: object }
type Figures = { side: string; microseconds: Spread; parts: Record<string, number> }
export type Compared = { rows: Row[]; notes: string[] }

export async function comparePairs(names: string[], size: Size & { sessions: number }): Promise<Compared> {
  const notes: string[] = []
  const wanted = names.filter((name) => {
    if (name !== 'nginx' || findNginx()) return true
    notes.push('nginx: not on PATH, so not measured')
    return false
  })
  const rows: Row[] = []
  const sides = await openSides(size.sessions)
  try {
    // Cold requests would push the warm ones' tokens out of the cache: rounds of their own.
    for (const isCold of [false, true]) {
      const chosen = wanted.filter((name) => pairs[name] && (pairs[name].above === 'cold') === isCold)
      if (chosen.length) rows.push(...await measure(chosen, sides, size))
    }
    if (wanted.includes(TRACING)) rows.push(await measureTracing(sides, size))
  } finally {
    await sides.close()
  }
  return { rows, notes }
}

async function measure(names: string[], sides: Sides, size: Size): Promise<Row[]> {
  const taking: Side[] = []
  for (const name of new Set(names.flatMap((pair) => [pairs[pair]!.above, pairs[pair]!.below]))) taking.push(await sides.side(name))
  const caches = await watchCaches(readEndpoints(), sides.held)
  const isSystem = ({ name }: Side) => name === 'system' || name === 'cold'
  for (const side of taking) await runSlice(sides.generate, side, size.warmUp)
  await caches.begin()
  const costs = await runRounds(sides.generate, taking, { ...size, warmUp: 0 }, async (side, since) => { if (isSystem(side)) await caches.look(since, size.slice) })
  const hits = await caches.read()
  await caches.close()
  return names.map((name) => {
    const { above, below, parts, says, goal } = pairs[name]!
    return rowOf(name, says, goal, [above, costs[above]!], [below, costs[below]!], parts, name.startsWith('chain') ? { ...hits, withoutIssuing: withoutIssuing(costs[above]!, costs[below]!) } : undefined)
  })
}

/** The four processes of the chain alone, without those that issue its tokens. */
const withoutIssuing = (above: Cost[], below: Cost[]): Spread => compare(above.map((cost) => sum(cost, ['edge', 'gateway', 'service', 'postgres'])), below.map((cost) => sum(cost))).ratio

function rowOf(name: string, says: string, goal: Goal, [aboveName, above]: [string, Cost[]], [belowName, below]: [string, Cost[]], parts?: string[], more?: object): Row {
  const totals = (costs: Cost[]) => costs.map((cost) => sum(cost, parts))
  const figures = (side: string, costs: Cost[]): Figures => ({ side, microseconds: spread(totals(costs)), parts: Object.fromEntries((parts ?? Object.keys(costs[0]!)).map((part) => [part, spread(costs.map((cost) => cost[part]!)).median])) })
  const compared = compare(totals(above), totals(below))
  return { name, says, ...compared, verdict: judge(goal, compared), goal, above: figures(aboveName, above), below: figures(belowName, below), ...(more && { more }) }
}

/** The control `trace` left out and in again: another edge each time, so each is warmed before it is measured. */
async function measureTracing({ generate, side: sideOf }: Sides, { rounds, slice, warmUp }: Size): Promise<Row> {
  const side = await sideOf('few')
  const costs: { on: Cost[]; off: Cost[] } = { on: [], off: [] }
  let state: 'on' | 'off' = 'on'
  await runSlice(generate, side, warmUp)
  for (let round = 0; round < rounds; round++) {
    for (const turn of round % 2 ? ['off', 'on'] as const : ['on', 'off'] as const) {
      if (turn !== state) {
        await command('lab', (state = turn), 'trace')
        await generate({ do: 'reopen', target: side.target })
        await runSlice(generate, side, Math.ceil(warmUp / 4))
      }
      costs[turn].push(await runSlice(generate, side, slice))
    }
    console.log(`round ${round + 1}/${rounds}: ${Object.entries(costs).map(([name, all]) => `tracing ${name} ${Math.round(sum(all.at(-1)!, TRACED))} µs`).join(', ')}`)
  }
  if (state === 'off') await command('lab', 'on', 'trace')
  return rowOf(TRACING, 'CPU of edge, micro-gateway and service: spans for one request in ten ÷ for none', tracingGoal, ['on', costs.on], ['off', costs.off], TRACED)
}
