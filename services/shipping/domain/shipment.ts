/** The states of a shipment, as a table: state × event → state. What is not in the table is refused by name. */

export type Status = 'created' | 'dispatched' | 'in-transit' | 'delivered' | 'cancelled'
export type Step = 'dispatch' | 'hand-over' | 'deliver' | 'cancel'
export type Priority = 'standard' | 'express'

const TABLE: Record<Status, Partial<Record<Step, Status>>> = {
  created: { dispatch: 'dispatched', cancel: 'cancelled' },
  dispatched: { 'hand-over': 'in-transit' },
  'in-transit': { deliver: 'delivered' },
  delivered: {},
  cancelled: { cancel: 'cancelled' },
}

/** Null when the step does not fit the state. */
export const after = (status: Status, step: Step): Status | null => TABLE[status][step] ?? null

/** What the carrier does next, and how long after the last step. Null at the end. */
export function nextStep(status: Status, priority: Priority): { step: Step; afterMs: number } | null {
  const step = ({ created: 'dispatch', dispatched: 'hand-over', 'in-transit': 'deliver' } as Partial<Record<Status, Step>>)[status]
  if (!step) return null
  return { step, afterMs: priority === 'express' ? 10_000 : 30_000 }
}
