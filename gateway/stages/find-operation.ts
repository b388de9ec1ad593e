/** Finds which operation of the service's API is asked for. An unknown one stays undefined: the policy names none, the service has none. */
import type { Api } from '@shop/chassis/operation.ts'
import { OperationUnknown, Problem } from '@shop/chassis/problem.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'

export const findOperation = (api: Api): Step<InboundCall> => (call) => {
  try {
    const { operation, params } = api.match(call.request.method ?? '', call.path)
    call.operation = operation
    call.params = params
  } catch (error) {
    // A path that is not canonical is refused here; that no operation fits is the policy's to judge.
    if (!(error instanceof Problem) || error.code === 'path-malformed') throw error
  }
}

/** For stages behind it. Throws operation-unknown. */
export const operationOf = (call: InboundCall) => {
  if (!call.operation) throw OperationUnknown()
  return call.operation
}
