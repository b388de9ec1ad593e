/**
 * What the lab lends (T7): rights beyond the model, to one identity, in a running store. A store is always held to the
 * model and the grants that stand; taking one back is holding it to the rest, and a start holds it to none.
 */
import type { Definitions } from './broker-model.ts'
import type { Policy } from './consul-acl.ts'

export type Grant =
  /** May do all there is in the virtual host. */
  | { store: 'broker'; to: string }
  /** May connect to the database of workload `on` and read it. */
  | { store: 'database'; to: string; on: string }
  /** `rules`, in Consul's own language, are added to the policy of its token. */
  | { store: 'registry'; to: string; rules: string }
  /** Whoever knows this key, 32 bytes in base64, may speak as a member of Consul's cluster. */
  | { store: 'gossip'; to: 'anyone'; key: string }
export type StoreName = Grant['store']
/** A role, and whose database it may read. */
export type Guest = { role: string; database: string }

/** One that stands at this place is replaced by the next there. */
export const placeOf = (grant: Grant): string => [grant.store, grant.to, ...('on' in grant ? [grant.on] : [])].join(' ')

/** Throws when it is no grant, or names whom the model does not. */
export function checkGrant(grant: Grant, services: string[], databases: string[]): void {
  const { store, to } = grant
  if (!['broker', 'database', 'registry', 'gossip'].includes(store)) throw new Error(`there is no store '${store}'`)
  const known = store === 'broker' ? services : store === 'database' ? databases : store === 'gossip' ? ['anyone'] : [...services, 'edge']
  if (!known.includes(to)) throw new Error(`${store} knows no '${to}'`)
  if (store === 'database' && (!databases.includes(grant.on) || grant.on === to)) throw new Error(`'${grant.on}' is no other database`)
  if (store === 'registry' && !grant.rules) throw new Error('a grant in the registry names its rules')
  if (store === 'gossip' && !(typeof grant.key === 'string' && Buffer.from(grant.key, 'base64').length === 32)) throw new Error('a key of the gossip is 32 bytes in base64')
}

/** The broker's definitions with these users unbound. */
export function withoutBounds(wanted: Definitions, grants: Grant[]): Definitions {
  const isFree = (user: string) => grants.some(({ store, to }) => store === 'broker' && to === user)
  const open = <P extends { user: string }>(row: P, free: Partial<P>): P => isFree(row.user) ? { ...row, ...free } : row
  return {
    ...wanted,
    permissions: wanted.permissions.map((row) => open(row, { configure: '.*', write: '.*', read: '.*' })),
    topic_permissions: wanted.topic_permissions.map((row) => open(row, { write: '.*', read: '.*' })),
  }
}

export const guestsOf = (grants: Grant[]): Guest[] => grants.flatMap((grant) => grant.store === 'database' ? [{ role: grant.to, database: grant.on }] : [])

/** A reader's policy with what it was lent. */
export const withRules = (policy: Policy, workload: string, grants: Grant[]): Policy =>
  ({ ...policy, rules: [policy.rules, ...grants.flatMap((grant) => grant.store === 'registry' && grant.to === workload ? [grant.rules] : [])].filter(Boolean).join('\n') })
