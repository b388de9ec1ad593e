/**
 * What an attack is: a goal, the one control that stops it, and a run that says only whether the attacker won, judged
 * by effect. Phases, probe, detection and evidence are the harness's business.
 */
import type { Sign } from './detection.ts'
import type { Scene } from './scene.ts'

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
  /** How it must be stopped: a problem's code or a protocol alert, and the detection id of its event. Null where nothing is refused, and so nothing can be reported. */
  stopped: Stop | null
  /**
   * For a detecting control, that stops nothing: the goal is to go unnoticed, and `run` says whether the deed was done.
   * This does what the same process reports in any case: once that is seen, nothing from before it is still under way.
   */
  sentinel?(scene: Scene): Promise<Sign>
  /** Takes minutes in all phases: the fast run has another one of its MS-SS in all of them. */
  isLong?: true
  /** No other attack runs meanwhile. */
  isExclusive?: true
  /** True: the attacker reached the goal. Throws only when the attack could not be tried; NotRun when it cannot be here. */
  run(scene: Scene): Promise<boolean>
  /** The honest twin: the same request as it should be made. True when it succeeds, so that the refusal is for the stated reason. */
  probe(scene: Scene): Promise<boolean>
  /** True when nothing that the attack aimed at has changed. */
  isIntact?(scene: Scene): Promise<boolean>
}

export type Stop = { code: string; detection: string }

/** What this machine or this deployment does not allow to be tried. */
export class NotRun extends Error {}

export const attacks: Attack[] = []

/** Registers an attack; its file is loaded by the harness. */
export function attack(one: Attack): void {
  if (attacks.some(({ id }) => id === one.id)) throw new Error(`attack ${one.id} stands twice`)
  if ((one.kind === 'attack') !== (one.without !== null)) throw new Error(`attack ${one.id}: an attack has a switch, other kinds have none`)
  attacks.push(one)
}
