/** What a worker can do for an order: one call to one neighbour, that may be repeated, and what came of it. */
import type { NeighbourAnswer } from '@shop/chassis/neighbour.ts'
import { Unavailable, type Problem } from '@shop/chassis/problem.ts'
import type { Command, SagaEvent } from './domain/saga.ts'
import type { Order } from './store.ts'

/** Each throws when the outcome is unknown; then it is done again. */
export type Steps = Record<Command, (order: Order) => Promise<SagaEvent>>

/** An answer that says nothing about the step: the neighbour is starting, busy, or wants a fresh token. */
export const noOutcome = (neighbour: string, answer: NeighbourAnswer): Problem =>
  Unavailable({ evidence: { reason: `${neighbour} answered ${answer.status} ${String(answer.body?.code ?? '').slice(0, 64)}` } })
