/** Slices of requests to two or more sides in turns, A B B A, and what each cost the processes that served it. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Generator } from './children.ts'
import { cpuMsOf } from './cpu.ts'

export type Side = {
  name: string
  /** As the generator opened it. */
  target: string
  /** Requests that one session makes in a row. */
  burst: number
  /** What is counted: part → pids, read again for each slice. */
  parts: Record<string, () => number[]>
  /** After the last answer, before the CPU is read: what a request leaves to be done later belongs to it. */
  settleMs?: number
  /** Requests so far, so that the next slice goes on with the next session. */
  sent: number
}
/** Part → µs a request. */
export type Cost = Record<string, number>
export type Size = { rounds: number; slice: number; warmUp: number }

/** Throws when a single answer was wrong. */
export async function runSlice(generate: Generator, side: Side, requests: number): Promise<Cost> {
  const pids = Object.entries(side.parts).map(([part, read]) => [part, read()] as const)
  const before = pids.map(([, roots]) => cpuMsOf(roots))
  const { failures } = await generate({ do: 'slice', target: side.target, from: side.sent, requests, burst: side.burst })
  side.sent += requests
  if (failures.length) throw new Error(`${side.name}: ${failures.length} of ${requests} requests failed, the first: ${failures[0]}`)
  if (side.settleMs) await pause(side.settleMs)
  return Object.fromEntries(pids.map(([part, roots], i) => [part, ((cpuMsOf(roots) - before[i]!) * 1_000) / requests]))
}

/** Side → its cost in each round, the mean of two slices. `afterSlice` runs outside of what is measured. */
export async function runRounds(generate: Generator, sides: Side[], { rounds, slice, warmUp }: Size, afterSlice: (side: Side, since: Date) => Promise<void> = async () => {}): Promise<Record<string, Cost[]>> {
  if (warmUp) for (const side of sides) await runSlice(generate, side, warmUp)
  const costs: Record<string, Cost[]> = Object.fromEntries(sides.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    // Who comes first changes, so that nobody always follows the same neighbour.
    const order = [...sides.slice(round % sides.length), ...sides.slice(0, round % sides.length)]
    const measured: Record<string, Cost[]> = {}
    for (const side of [...order, ...order.toReversed()]) {
      const since = new Date()
      ;(measured[side.name] ??= []).push(await runSlice(generate, side, slice))
      await afterSlice(side, since)
    }
    for (const [name, [a, b]] of Object.entries(measured)) costs[name]!.push(Object.fromEntries(Object.keys(a!).map((part) => [part, (a![part]! + b![part]!) / 2])))
    console.log(`round ${round + 1}/${rounds}: ${sides.map(({ name }) => `${name} ${Math.round(sum(costs[name]!.at(-1)!))} µs`).join(', ')}`)
  }
  return costs
}

/** Of all parts, or of those named. */
export const sum = (cost: Cost, parts = Object.keys(cost)): number => parts.reduce((total, part) => total + cost[part]!, 0)
