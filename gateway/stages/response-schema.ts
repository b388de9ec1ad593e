/** Nothing leaves a service that its API description does not declare: status, media type, fields, headers (G7). */
import { problem } from '@shop/chassis/problem.ts'
import type { InboundCall } from '../micro/inbound-call.ts'
import type { Stage } from '../pipeline.ts'
import { operationOf } from './find-operation.ts'
import { NO_NAMES, pick, type HeaderAllowList, type Pass } from './header-allow-list.ts'

export const ResponseNotDeclared = problem('response-not-declared', 502, 'The service answered something that its description does not declare', 'Tell the operators; repeat reads later', 'RE8')

/** `told`: hears which headers the service had no reason to send; not what they said. */
export const responseSchema = (allowed: Map<string, HeaderAllowList>, pass: Pass = pick, told: (call: InboundCall, names: string[]) => void = () => {}): Stage<InboundCall> => ({
  response(call) {
    const answer = call.answer!
    const operation = operationOf(call)
    const type = answer.headers['content-type']
    const fault = operation.checkResponse(answer.status, type, answer.body.length === 0 ? undefined : readBody(type, answer.body))
    if (fault) throw ResponseNotDeclared({ evidence: { reason: `${operation.id}: ${fault}` } })
    const names = allowed.get(operation.id)?.response ?? NO_NAMES
    let undeclared: string[] | undefined
    for (const name in answer.headers) if (!names.has(name)) (undeclared ??= []).push(name)
    if (!undeclared) return
    told(call, undeclared)
    answer.headers = pass(answer.headers, names)
  },
})

/** Our own service wrote it, so plain parsing will do; what is no JSON meets a schema that wants an object. */
function readBody(type: string | undefined, body: Buffer): unknown {
  if (!type || !/[/+]json\b/i.test(type)) return body
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
