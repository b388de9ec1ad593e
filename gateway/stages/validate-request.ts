import { parseJsonStrictly, requireMediaType } from '@shop/chassis/operation.ts'
import { ParameterUnexpected } from '@shop/chassis/problem.ts'
import type { EdgeCall } from '../edge/call.ts'
import type { Stage } from '../pipeline.ts'

/**
 * What an operation does not declare does not pass: unknown, repeated, mistyped and oversized input is refused with the
 * field named (S5.1, T1). A page of the storefront reads its own query and form. `parse` throws body-malformed.
 */
export const validateRequest = (parse: (bytes: Buffer) => unknown = parseJsonStrictly): Stage<EdgeCall> => async (call, next) => {
  const target = call.target!
  if (target.kind === 'operation') {
    const { operation, params } = target
    const bytes = await call.body(operation.bodyLimitBytes)
    let body: unknown
    if (bytes.length && operation.mediaTypes.length) {
      requireMediaType(operation, call.header('content-type'))
      if (call.form) refuseOtherFields(call.form)
      else body = parse(bytes)
      call.rawBody = bytes
    } else if (bytes.length) body = null // declared by none: checkRequest names it
    call.input = operation.checkRequest({ params, query: call.query, header: call.header, body })
  } else if (!call.form && (await call.body(1_024)).length) throw ParameterUnexpected({ errors: [{ field: 'body', message: 'this address takes no body' }] })
  await next()
}

/** A form that only triggers an operation carries the CSRF token and nothing else. */
function refuseOtherFields(form: Record<string, string>): void {
  const other = Object.keys(form).filter((name) => name !== '_csrf')
  if (other.length) throw ParameterUnexpected({ errors: other.map((name) => ({ field: `body.${name.slice(0, 64)}`, message: 'is not known here' })) })
}
