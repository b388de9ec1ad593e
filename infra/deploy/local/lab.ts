/** The lab's hand in the runner: another entry point beside the running process, or a right lent in a store; and the way back. */
import { checkGrant, placeOf, type Grant, type StoreName } from '../backing/grants.ts'
import type { Leases, Terms } from './leases.ts'
import type { Variant } from './programs.ts'
import type { PlannedProcess } from './plan.ts'
import type { Site } from './site.ts'
import type { Spec, Supervisor } from './supervisor.ts'

export function createVariants(site: Site, supervisor: Supervisor, leases: Leases, specOf: (one: PlannedProcess, variant?: Variant) => Spec) {
  const find = (name: string) => {
    const one = site.processes.find((other) => other.name === name && other.entry)
    if (!one) throw new Error(`there is no process '${name}' that the lab can replace`)
    return one
  }
  return {
    /** The new one serves before the old one drains. */
    async set({ process, entry, ...terms }: Terms & Variant & { process: string }) {
      if (!/^[a-z0-9-]+(\/[a-z0-9-]+)*\.ts$/.test(entry)) throw new Error(`'${entry}' is no entry point below infra/lab`)
      const one = find(process)
      return leases.take(process, terms, () => supervisor.replace(specOf(one, { entry, leftOut: terms.leftOut })), () => supervisor.replace(specOf(one)))
    },
    back: ({ process, leftOut }: { process: string; leftOut?: string }) => leases.end(process, leftOut),
  }
}

/** `hold` holds a store to the model and these grants, and to nothing else. */
export type Hold = (store: StoreName, grants: Grant[]) => Promise<void>

export function createGrants(services: string[], databases: string[], leases: Leases, hold: Hold) {
  const standing = new Map<string, Grant>()
  let turn: Promise<unknown> = Promise.resolve()
  /** One at a time: what is held to is what stood when the turn began. A grant that could not be made stands nowhere. */
  const change = (grant: Grant, isLent: boolean): Promise<void> => {
    const work = turn.then(async () => {
      const next = new Map(standing)
      if (isLent) next.set(placeOf(grant), grant)
      else next.delete(placeOf(grant))
      await hold(grant.store, [...next.values()])
      if (isLent) standing.set(placeOf(grant), grant)
      else standing.delete(placeOf(grant))
    })
    turn = work.catch(() => {})
    return work
  }
  return {
    async set({ leftOut, strategies, seconds, ...grant }: Terms & Grant) {
      const one = grant as Grant
      checkGrant(one, services, databases)
      return leases.take(placeOf(one), { leftOut, ...(strategies && { strategies }), ...(seconds && { seconds }) }, () => change(one, true), () => change(one, false))
    },
    back: ({ leftOut, ...grant }: { leftOut?: string } & Grant) => leases.end(placeOf(grant as Grant), leftOut),
  }
}
