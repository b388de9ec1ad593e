import { MethodNotAllowed } from '@shop/chassis/problem.ts'
import type { EdgeCall } from '../edge/call.ts'
import type { Step } from '../pipeline.ts'

export const METHODS = ['GET', 'POST', 'PUT', 'DELETE']

/** A request is what its request line says: no other method, no other spelling, no header that overrides it (T1, S5.1). */
export const allowMethods = (): Step<EdgeCall> => (call) => {
  if (!METHODS.includes(call.method)) throw MethodNotAllowed({ headers: { allow: METHODS.join(', ') } })
}
