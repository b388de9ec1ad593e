/** Which instances there are, told to the registrar alone. It asks again and again; the answer waits until something changed. */
import type { PlannedProcess } from './plan.ts'

export type Instance = { id: string; service: string; instance: number; version: string; host: string; port: number }

/** Instances by their gateways, which are what others reach. */
export const instancesOf = (processes: PlannedProcess[]): Instance[] =>
  processes.filter(({ kind }) => kind === 'micro-gateway').map((one) => ({ id: `${one.workload}-${one.instance}`, service: one.workload, instance: one.instance, version: '1', host: '127.0.0.1', port: one.ports.mesh as number }))

export type Inventory = { set(instances: Instance[]): void; get(after?: number, waitMs?: number): Promise<{ revision: number; instances: Instance[] }> }

export function createInventory(): Inventory {
  let revision = 1
  let instances: Instance[] = []
  let waiting: (() => void)[] = []
  return {
    set(next) {
      if (JSON.stringify(next) === JSON.stringify(instances)) return
      instances = next
      revision += 1
      for (const wake of waiting) wake()
      waiting = []
    },
    async get(after, waitMs = 25_000) {
      if (after === revision)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitMs)
          waiting.push(() => { clearTimeout(timer); resolve() })
        })
      return { revision, instances }
    },
  }
}
