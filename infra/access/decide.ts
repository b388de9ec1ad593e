/**
 * The decision: Cedar over one service's rules, parsed and validated once at the start (S2.1, S2.3).
 *
 * The rules do not change while this process lives, so what Cedar said to a coarse question it would say again; that is
 * remembered, here where the rules are and nowhere else (S2.2, ADR 0022).
 * Cedar skips a rule whose condition errs, even a forbid; so whatever errs is denied here.
 * @see https://docs.cedarpolicy.com/auth/authorization.html
 */
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import type { DetailedError, EntityJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { ServicePolicy } from './config.ts'
import { resourceTypesOf, schemaOf, type USER_ROLES } from './schema.ts'

export type Principal =
  | { type: 'User'; id: string; role: (typeof USER_ROLES)[number]; seller?: string }
  | { type: 'Guest'; id: string }
  /** `id` is the workload's name. */
  | { type: 'Workload'; id: string }
export type Question = {
  principal: Principal
  service: string
  operation: string
  /** The service as a whole, or one thing of it with what the service says about it. */
  resource: { type: string; id: string; owner?: string; seller?: string }
  /** The workload that makes the call. */
  caller: string
}
/** `rules`: ids of what decided. `error`: why the question could not be judged; then denied. */
type Decision = { isAllowed: boolean; rules: string[]; error?: string }
export type Policies = { has(service: string): boolean; decide(question: Question): Decision }

/** Throws with the service and the rule when a policy does not parse, has no own `@id`, or does not fit the operations. */
export function loadPolicies(policies: ServicePolicy[]): Policies {
  /** Service → the types whose members its rules know by name. */
  const services = new Map<string, Set<string>>()
  for (const policy of policies) {
    if (services.has(policy.service)) throw new Error(`policies of ${policy.service} stand twice`)
    services.set(policy.service, load(policy))
  }
  const remembered = new Map<string, Decision>()
  return {
    has: (service) => services.has(service),
    decide(question) {
      const named = services.get(question.service)
      if (!named) return denied(`no policies for ${question.service.slice(0, 64)}`)
      const key = coarseKey(question, named)
      if (key === null) return ask(question)
      const known = remembered.get(key)
      if (known) return known
      const decision = ask(question)
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      if (!decision.error) remembered.set(key, decision)
      return decision
    },
  }
}

const MAX_REMEMBERED = 2_048

/**
 * All that a decision about a service as a whole can depend on; null for other questions. Who asks counts by name where a
 * rule names one of that type: else rules see a principal's type and attributes alone, for Cedar reads an id only by
 * comparing it, and here is nothing else of that type to compare it with.
 */
export function coarseKey({ principal, service, operation, resource, caller }: Question, named: Set<string>): string | null {
  if (resource.type !== 'Service' || resource.id !== service || resource.owner !== undefined || resource.seller !== undefined) return null
  const { role, seller } = principal as Partial<Extract<Principal, { type: 'User' }>>
  return JSON.stringify([service, operation, caller, principal.type, role, seller, named.has(principal.type) && principal.id])
}

/** Types of the entities that a rule names, anywhere in it. */
function namedIn(part: unknown, into: Set<string>): void {
  if (typeof part !== 'object' || part === null) return
  const { type, id } = part as { type?: unknown; id?: unknown }
  if (typeof type === 'string' && typeof id === 'string') into.add(type)
  for (const value of Object.values(part)) namedIn(value, into)
}

/** Answers the types whose members the rules know by name. */
function load(policy: ServicePolicy): Set<string> {
  const file = `${policy.service}/policy.cedar`
  const parts = cedar.policySetTextToParts(policy.cedar)
  if (parts.type === 'failure') throw new Error(`${file}: ${textOf(parts.errors)}`)
  if (parts.policy_templates.length) throw new Error(`${file}: templates are not used here`)
  const rules: Record<string, string> = Object.create(null)
  const parsed = parts.policies.map((text) => {
    const answer = cedar.policyToJson(text)
    if (answer.type === 'failure') throw new Error(`${file}: ${textOf(answer.errors)}`)
    const id = answer.json.annotations?.['id']
    if (!id || !/^[a-z][a-z0-9-]{0,63}$/.test(id) || id in rules) throw new Error(`${file}: every rule has an @id of its own, like @id("browse"); at fault: ${text.slice(0, 120)}`)
    rules[id] = text
    return answer.json
  })
  const schema = schemaOf(policy, resourceTypesOf(parsed))
  const validated = cedar.validate({ validationSettings: { mode: 'strict' }, schema, policies: { staticPolicies: rules } })
  if (validated.type === 'failure') throw new Error(`${file}: ${textOf(validated.errors)}`)
  // A rule that can never apply is a warning to Cedar and a mistake to us.
  const wrong = [...validated.validationErrors, ...validated.validationWarnings]
  if (wrong.length) throw new Error(wrong.map(({ policyId, error }) => `${file}, rule ${policyId}: ${textOf([error])}`).join('\n'))
  for (const answer of [cedar.preparseSchema(policy.service, schema), cedar.preparsePolicySet(policy.service, { staticPolicies: rules })])
    if (answer.type === 'failure') throw new Error(`${file}: ${textOf(answer.errors)}`)
  const named = new Set<string>()
  namedIn(parsed, named)
  return named
}

function ask({ principal, service, operation, resource, caller }: Question): Decision {
  const who = { type: principal.type, id: principal.id }
  const what = { type: resource.type, id: resource.id }
  const entities: EntityJson[] = [
    { uid: who, parents: [], attrs: principal.type === 'User' ? { role: { __entity: { type: 'Role', id: principal.role } }, ...(principal.seller !== undefined && { seller: principal.seller }) } : {} },
    { uid: what, parents: [], attrs: { ...(resource.owner !== undefined && { owner: { __entity: { type: 'User', id: resource.owner } } }), ...(resource.seller !== undefined && { seller: resource.seller }) } },
  ]
  const answer = cedar.statefulIsAuthorized({
    principal: who, action: { type: 'Action', id: `${service}.${operation}` }, resource: what, context: { caller },
    preparsedSchemaName: service, preparsedPolicySetId: service, validateRequest: true, entities,
  })
  if (answer.type === 'failure') return denied(textOf(answer.errors))
  const { decision, diagnostics } = answer.response
  if (diagnostics.errors.length) return denied(diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`).join('; '))
  return { isAllowed: decision === 'allow', rules: diagnostics.reason }
}

const denied = (error: string): Decision => ({ isAllowed: false, rules: [], error: error.slice(0, 200) })
const textOf = (errors: DetailedError[]) => errors.map(({ message, help }) => (help ? `${message} (${help})` : message)).join('; ')
