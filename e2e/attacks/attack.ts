/**
 * What an attack is: a goal, the one control that stops it, and a run that says only whether the attacker won, judged
 * by effect. Phases, probe, detection and evidence are the harness's business.
 */
import type { Insider } from './insider.ts'
import type { Visitor } from '../shop.ts'

export type Attack = {
  /** As in the catalogue; a row with two switches is two attacks: 'S2.5-a-audience'. */
  id: string
  strategies: string[]
  /** attack: has a switch. inherent: a property of the code. function: a journey or a fault. */
  kind: 'attack' | 'inherent' | 'function'
  /** What the attacker wants, one sentence. */
  goal: string
  /** The control that is left out in the off phase; null for what has no switch. */
  without: string | null
  /** How it must be stopped: a problem's code or a protocol alert, and the detection id of its event. */
  stopped: { code: string; detection: string }
  /** True: the attacker reached the goal. Throws only when the attack could not be tried. */
  run(scene: Scene): Promise<boolean>
  /** The honest twin: the same request as it should be made. True when it succeeds, so that the refusal is for the stated reason. */
  probe(scene: Scene): Promise<boolean>
  /** True when nothing that the attack aimed at has changed. */
  isIntact?(scene: Scene): Promise<boolean>
}

/** Fresh for every phase: nobody meets another attack's traces. */
export type Scene = {
  /** The trace id of this phase's requests inside the mesh, for detection. */
  traceId: string
  traceparent: string
  visitor(): Visitor
  signIn(username: string): Promise<Visitor>
  /** Holds what someone with this workload's mesh identity holds. */
  insider(workload: string): Promise<Insider>
  /** What was seen, for the report. Live credentials are given as hashes. */
  note(evidence: Record<string, unknown>): void
}

export const attacks: Attack[] = []

/** Registers an attack; its file is loaded by the harness. */
export function attack(one: Attack): void {
  if (attacks.some(({ id }) => id === one.id)) throw new Error(`attack ${one.id} stands twice`)
  attacks.push(one)
}
