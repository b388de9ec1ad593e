/** The request is as the API description says, nothing less and nothing more (S5.1, G7). */
import { parseJsonStrictly } from '@shop/chassis/operation.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Step } from '../pipeline.ts'
import { operationOf } from './find-operation.ts'

export const requestSchema = (): Step<InboundCall> => (call) => {
  const { headers } = call.request
  const isJson = call.body !== undefined && /^application\/json\b/i.test(headers['content-type'] ?? '')
  operationOf(call).checkRequest({
    params: call.params, query: call.query,
    header: (name) => headers[name.toLowerCase()] as string | undefined,
    body: isJson ? parseJsonStrictly(call.body!) : call.body,
  })
}
