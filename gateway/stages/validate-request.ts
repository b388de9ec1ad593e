import { parseJsonStrictly, requireMediaType } from '@shop/chassis/operation.ts'
import { ParameterUnexpected } from '@shop/chassis/problem.ts'
import type { EdgeCall } from '../edge/call.ts'
import type { Step } from '../pipeline.ts'

/**
 * What an operation does not declare does not pass: unknown, repeated, mistyped and oversized input is refused with the
 * field named (S5.1, T1). A page of the storefront reads its own query and form. `parse` throws body-malformed.
 */
export const validateRequest = (parse: (bytes: Buffer) => unknown = parseJsonStrictly): Step<EdgeCall> => {
  function check(call: EdgeCall, bytes: Buffer): void {
    const target = call.target!
    if (target.kind !== 'operation') {
      if (!call.form && bytes.length) throw ParameterUnexpected({ errors: [{ field: 'body', message: 'this address takes no body' }] })
      return
    }
    const { operation, params } = target
    let body: unknown
    if (bytes.length && operation.mediaTypes.length) {
      requireMediaType(operation, call.header('content-type'))
      if (call.form) refuseOtherFields(call.form)
      else body = parse(bytes)
      call.rawBody = bytes
    } else if (bytes.length) body = null // declared by none: checkRequest names it
    call.input = operation.checkRequest({ params, query: call.query, header: call.header, body })
  }
  return (call) => {
    if (!call.hasBody) return check(call, NOTHING)
    const target = call.target!
    return call.body(target.kind === 'operation' ? target.operation.bodyLimitBytes : 1_024).then((bytes) => check(call, bytes))
  }
}

const NOTHING = Buffer.alloc(0)

/** A form that only triggers an operation carries the CSRF token and nothing else. */
function refuseOtherFields(form: Record<string, string>): void {
  const other = Object.keys(form).filter((name) => name !== '_csrf')
  if (other.length) throw ParameterUnexpected({ errors: other.map((name) => ({ field: `body.${name.slice(0, 64)}`, message: 'is not known here' })) })
}
