import { MethodNotAllowed, OperationUnknown } from '@shop/chassis/problem.ts'
import type { DoorName, EdgeCall, Target } from '../edge/call.ts'
import type { Step } from '../pipeline.ts'

export type Routes = {
  /** Undefined when nothing has this path; throws method-not-allowed when only other methods do. */
  find(door: DoorName, method: string, path: string): Target | undefined
}

/** There is nothing behind a door but its route table: a path never becomes an address (S4.1, G4). */
export const matchOperation = (routes: Routes): Step<EdgeCall> => (call) => {
  const target = routes.find(call.door.name, call.method, call.path)
  if (!target) throw OperationUnknown()
  if (target.kind !== 'operation' && call.method !== 'GET' && call.method !== 'POST') throw MethodNotAllowed({ headers: { allow: 'GET, POST' } })
  call.target = target
}
