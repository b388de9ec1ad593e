/**
 * The Cedar schema of one service, derived from its operations: what may be asked at all (S2.3).
 *
 * Roles are an enumeration, so a mistyped role is an error at the start and not a rule that never applies. Resource
 * types are those that the service's own rules name in their heads; each may have an owner and a seller.
 */
import type { ActionType, EntityType, PolicyJson, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { ServicePolicy } from './config.ts'

const PRINCIPALS = { user: 'User', guest: 'Guest', service: 'Workload' } as const

/** Also what a token's `role` may say of a user. */
export const USER_ROLES = ['customer', 'seller', 'staff'] as const

const owned: EntityType<string> = {
  shape: { type: 'Record', attributes: { owner: { type: 'Entity', name: 'User', required: false }, seller: { type: 'String', required: false } } },
}

/** Action ids are '<service>.<operationId>'. The context names the workload that calls. */
export function schemaOf({ service, operations }: Pick<ServicePolicy, 'service' | 'operations'>, resourceTypes: string[]): SchemaJson<string> {
  const actions = operations.map(({ id, subjects }): [string, ActionType<string>] => [`${service}.${id}`, {
    appliesTo: {
      principalTypes: subjects.map((subject) => PRINCIPALS[subject]),
      resourceTypes: ['Service', ...resourceTypes],
      context: { type: 'Record', attributes: { caller: { type: 'String' } } },
    },
  }])
  return {
    '': {
      entityTypes: {
        Role: { enum: [...USER_ROLES] },
        User: { shape: { type: 'Record', attributes: { role: { type: 'Entity', name: 'Role' }, seller: { type: 'String', required: false } } } },
        Guest: {}, Workload: {}, Service: {},
        ...Object.fromEntries(resourceTypes.map((type) => [type, owned])),
      },
      actions: Object.fromEntries(actions),
    },
  }
}

const OURS = new Set(['Role', 'User', 'Guest', 'Workload', 'Service'])

/** 'Product' from `resource is Product` in a rule's head. */
export function resourceTypesOf(policies: PolicyJson[]): string[] {
  const named = policies.flatMap(({ resource }) => (resource.op === 'is' && /^[A-Z][A-Za-z0-9]{0,63}$/.test(resource.entity_type) && !OURS.has(resource.entity_type) ? [resource.entity_type] : []))
  return [...new Set(named)]
}
