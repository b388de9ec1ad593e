/**
 * Drives orders to their end. Any number of instances do it at once: each order is leased to one at a time (A6).
 *
 * Claim (intent committed) → call a neighbour → store what came of it with its events, in one transaction, and claim the
 * next step with it. A worker that dies at any instant leaves a state that another one goes on from.
 */
import { setTimeout } from 'node:timers/promises'
import type { Logger } from '@shop/chassis/log.ts'
import type { Store } from '@shop/chassis/store.ts'
import type { Advance } from './advance.ts'
import { canGiveUp, commandOf, type SagaEvent } from './domain/saga.ts'
import type { Steps } from './steps.ts'
import { claim, lock, postpone, releaseLeases, type Order } from './store.ts'

export type WorkerParts = {
  store: Store
  steps: Steps
  advance: Advance
  log: Logger
  /** This instance, the same after a restart. */
  name: string
  /** Longer than any step may take. */
  leaseMs: number
  pollMs: number
  /** An order that is not paid for by then is undone. */
  giveUpMs: number
  concurrency: number
  now(): Date
  random(): number
}

/** Doubles from 100 ms to 4 s, with a third of it left to chance. */
export const backOffMs = (attempts: number, random: number): number => Math.round(Math.min(4_000, 100 * 2 ** Math.min(attempts, 10)) * (0.67 + random * 0.33))

export async function startWorker(d: WorkerParts): Promise<() => Promise<void>> {
  const driving = new Set<Promise<void>>()
  let isStopping = false
  let isNudged = false
  let claiming: Promise<void> | undefined

  function nudge(): void {
    isNudged = true
    claiming ??= claimAll().catch((error: unknown) => d.log.warn({ err: error }, 'orders wait')).finally(() => { claiming = undefined })
  }
  async function claimAll(): Promise<void> {
    while (isNudged && !isStopping && driving.size < d.concurrency) {
      isNudged = false
      const orders = await claim(d.store, d.name, d.leaseMs, d.concurrency - driving.size)
      for (const order of orders) {
        const work = drive(order).catch((error: unknown) => again(order, error)).finally(() => {
          driving.delete(work)
          nudge() // there is room for another
        })
        driving.add(work)
      }
    }
  }
  async function drive(claimed: Order): Promise<void> {
    for (let order: Order | null = claimed; order && !isStopping; ) order = await step(order)
  }
  /** What came of a step could not be stored: the step is done again as soon as the store is back, at the latest when the lease ends. */
  async function again(order: Order, error: unknown): Promise<void> {
    d.log.warn({ err: error, orderId: order.id }, 'the step will be done again')
    const leaseEnds = d.now().getTime() + d.leaseMs
    for (let attempt = 1; !isStopping && d.now().getTime() < leaseEnds; attempt++) {
      await setTimeout(backOffMs(attempt, d.random()))
      if (await postpone(d.store, order, d.name, 0).then(() => true, () => false)) return
    }
  }

  /** One step; the order again when this worker goes on with it. */
  async function step(order: Order): Promise<Order | null> {
    const event = await outcomeOf(order)
    if (!event) {
      await postpone(d.store, order, d.name, backOffMs(order.attempts, d.random()))
      return null
    }
    return d.store.transaction(async (tx) => {
      const present = await lock(tx, order.id)
      // Somebody else moved it on meanwhile: an event, or a worker after our lease. What we know is known already.
      if (!present || present.saga.state !== order.saga.state) return null
      const result = await d.advance(tx, present, event, { by: d.name, leaseMs: d.leaseMs })
      if ('refused' in result) throw new Error(`${event.type} does not fit ${present.saga.state}`)
      return commandOf(result.saga) ? result : null
    })
  }
  /** Null when it is not known what came of the step. */
  async function outcomeOf(order: Order): Promise<SagaEvent | null> {
    const command = commandOf(order.saga)
    if (!command) return { type: 'overdue' }
    try {
      return await d.steps[command](order)
    } catch (error) {
      d.log.warn({ err: error, orderId: order.id, command, attempts: order.attempts }, 'no outcome yet')
      const isLate = d.now().getTime() - order.placedAt.getTime() > d.giveUpMs
      return isLate && canGiveUp(order.saga) ? { type: 'gave-up' } : null
    }
  }

  await releaseLeases(d.store, d.name)
  const stopListening = await d.store.listen('saga', nudge)
  const timer = setInterval(nudge, d.pollMs)
  nudge()
  return async () => {
    isStopping = true
    clearInterval(timer)
    await stopListening()
    await claiming
    await Promise.allSettled(driving)
    await releaseLeases(d.store, d.name)
  }
}
