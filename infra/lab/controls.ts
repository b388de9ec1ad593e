/**
 * The one table of what the lab can leave out (T7): control → strategies → where, and by which entry point.
 *
 * Production's `main.ts` files have no switch. The lab starts another entry point beside the running process, which
 * composes the same pipeline without the one named control; the runner leases it and brings production's back.
 */
export type Control = {
  /** As in the pipeline that holds it, in events and in the attack report. */
  name: string
  strategies: string[]
  /** Kinds, workloads or names of processes that hold it. */
  processes: string[]
  /** Below infra/lab. */
  entry: string
}

const micro = (name: string, ...strategies: string[]): Control => ({ name, strategies, processes: ['micro-gateway'], entry: 'micro.ts' })
const edge = (name: string, ...strategies: string[]): Control => ({ name, strategies, processes: ['edge'], entry: 'edge.ts' })

export const controls: Control[] = [
  micro('check-audience', 'S2.5'),
  micro('check-scope', 'S2.5'),
  micro('check-binding', 'S2.5'),
  micro('pair-policy', 'S13.1', 'S13.2'),
  edge('same-origin', 'S10.1'),
  edge('authorize-coarsely', 'S2.1'),
]
