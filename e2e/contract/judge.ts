/** Whether an answer keeps what the document promises. */
import type { Case, Reason } from './cases.ts'
import type { Json, Operation } from './documents.ts'
import { faultsOf } from './schema.ts'

export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; text: string; json: any }
/** What a place says to each reason; statuses that belong to a path, not to an operation, need no declaration. */
export type Refusals = Record<Exclude<Reason, 'rule'>, number[]>

const PROBLEM = 'application/problem+json'
/** Codes that say the input itself is wrong. */
const ABOUT_INPUT = new Set(['input-invalid', 'parameter-unexpected', 'body-malformed', 'path-malformed', 'media-type-unsupported', 'body-too-large', 'method-not-allowed', 'operation-unknown', 'body-encoded', 'headers-too-large'])

/** One line, or null when all is well. */
export function faultOf(operation: Operation, { name, sent, reason }: Case, answer: Answer, refusals: Refusals): string | null {
  const wrong = brokenPromise(operation, sent.method, answer, reason === 'method') ?? (reason ? wrongRefusal(reason, answer, refusals) : wrongAcceptance(answer))
  return wrong && `${sent.method} ${operation.path} ${name}: ${wrong} [${answer.status} ${answer.text.slice(0, 300)}]`
}

/** Status, media type, fields: as declared, whatever was asked. */
export function brokenPromise(operation: Operation, method: string, { status, headers, text, json }: Answer, isUndeclared = false): string | null {
  if (status >= 500) return 'a failure of ours'
  const declared = operation.responses[String(status)] ?? operation.responses['default']
  if (!declared && !isUndeclared) return `status ${status} is not declared`
  if (method === 'HEAD') return text === '' ? null : 'a body for HEAD'
  const type = String(headers['content-type'] ?? '').split(';')[0]!.trim()
  if (type === PROBLEM) return problemFault(status, json) ?? (isUndeclared || declared!.content[type] ? fault(declared?.content[type]?.['schema'], json) : 'a problem is not declared')
  if (isUndeclared) return 'a refusal that is no problem'
  if (Object.keys(declared!.content).length === 0) return text === '' ? null : 'a body where none is declared'
  if (!declared!.content[type]) return `media type '${type}' is not declared`
  return /json$/.test(type) ? fault(declared!.content[type]['schema'], json) : null
}

const fault = (schema: Json | undefined, json: unknown) => (schema ? faultsOf(schema, json) : null)

function problemFault(status: number, json: Json | undefined): string | null {
  if (!json || ['type', 'title', 'detail', 'code'].some((name) => typeof json[name] !== 'string')) return 'a problem without type, title, detail or code'
  if (json['status'] !== status) return `the problem says ${json['status']}`
  return json['type'] === `/problems/${json['code']}` ? null : 'the problem\'s type is not its code\'s page'
}

function wrongRefusal(reason: Reason, { status, headers, json }: Answer, refusals: Refusals): string | null {
  if (reason === 'rule') return null
  if (!refusals[reason].includes(status)) return `should be refused with ${refusals[reason].join(' or ')}`
  if (reason === 'method' && status === 405 && !headers['allow']) return 'no Allow header'
  if (reason === 'input' && json?.code !== 'path-malformed' && json?.title !== undefined && !(json.errors?.length > 0)) return 'no field is named'
  return null
}

const wrongAcceptance = ({ status, json }: Answer): string | null => (status >= 400 && ABOUT_INPUT.has(json?.code) ? 'refused although it is as declared' : null)
