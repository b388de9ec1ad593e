import type { Known, Parts, Sent } from './cases.ts'
import type { Json, Operation } from './documents.ts'
import type { Answer, Refusals } from './judge.ts'

/** Someone who may not: what is sent in their place, and what must come back. */
export type Stranger = { name: string; send(sent: Sent): Promise<Answer>; statuses: number[]; codes?: string[]; /** Of what they ask for; default: as it should be. */ parts?: Partial<Parts> }

/** Where the operations of one document answer. */
export type Place = {
  name: string
  document: Json
  operations: Operation[]
  known: Known
  refusals: Refusals
  /** As someone who may. `isMeant`: it should get as far as the work itself. */
  send(operation: Operation, sent: Sent, isMeant: boolean): Promise<Answer>
  strangers(operation: Operation): Promise<Stranger[]>
  /** Its work changes what the next request needs: one after the other. */
  isSerial?(operation: Operation): boolean
  close(): Promise<void>
}

/** What a process behind TLS or a socket of ours says to each reason; a micro-gateway says some of it otherwise. */
export const USUAL: Refusals = { input: [400], missing: [400], syntax: [400], media: [415], size: [413], method: [405], stray: [400] }
