/** Consul's policies and tokens, held to the model: one writer of the registry, readers of named services alone (S7.1, S2.6). */
import type { ConsulAnswer, ConsulClient } from './consul.ts'

export type Policy = { name: string; rules: string }
/** Accessor and secret are UUIDs of the caller's making, so that it knows every secret before Consul does. */
export type Token = { policy: string; accessor: string; secret: string }

const write = (kind: string, name: string) => `${kind} ${JSON.stringify(name)} { policy = "write" }`
const read = (kind: string, name: string) => `${kind} ${JSON.stringify(name)} { policy = "read" }`
/** Instances are external nodes named '<service>-<number>'. */
const nodesOf = (service: string) => `${service}-`

/** Registers instances of these services and no others; cannot touch the servers' own nodes. */
export const registrarPolicy = (services: string[]): Policy =>
  ({ name: 'registrar', rules: services.flatMap((name) => [write('service', name), write('node_prefix', nodesOf(name)), write('session_prefix', nodesOf(name))]).join('\n') })

/** Sees the named services and the nodes they run on. */
export const readerPolicy = (workload: string, services: string[]): Policy =>
  ({ name: `reader-${workload}`, rules: services.flatMap((name) => [read('service', name), read('node_prefix', nodesOf(name))]).join('\n') })

/** The servers' own upkeep: each may write the entry of a Consul server. */
export const agentPolicy: Policy = { name: 'agent', rules: [write('node_prefix', 'consul-'), read('service_prefix', 'consul')].join('\n') }

const ANONYMOUS = '00000000-0000-0000-0000-000000000002'
const GLOBAL_MANAGEMENT = '00000000-0000-0000-0000-000000000001'

/**
 * Makes or mends every policy and token, and deletes all others but Consul's own three. The anonymous token gets no
 * policy. `client` carries the management token. Throws with Consul's words when it refuses.
 */
export async function ensureAcl(client: ConsulClient, policies: Policy[], tokens: Token[]): Promise<void> {
  const must = async (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown) => {
    const answer: ConsulAnswer = await client.call(method, path, body)
    if (answer.status !== 200) throw new Error(`Consul answered ${method} ${path} with ${answer.status}: ${String(answer.body)}`)
    return answer.body
  }
  const self = await must('GET', '/v1/acl/token/self')
  const ids = new Map<string, string>()
  for (const { name, rules } of policies) {
    const present = await client.call('GET', `/v1/acl/policy/name/${name}`) // an unknown one is 403 'ACL not found', a newer Consul says 404
    const isKnown = present.status === 200
    const held = isKnown && present.body.Rules === rules ? present.body : await must('PUT', `/v1/acl/policy${isKnown ? `/${present.body.ID}` : ''}`, { ...(isKnown && { ID: present.body.ID }), Name: name, Rules: rules })
    ids.set(name, held.ID)
  }
  for (const { policy, accessor, secret } of tokens) {
    const wanted = { AccessorID: accessor, SecretID: secret, Description: policy, Policies: [{ ID: ids.get(policy) }], Local: false }
    const present = await client.call('GET', `/v1/acl/token/${accessor}`)
    if (present.status === 200 && present.body.SecretID === secret) {
      if (!hasOnly(present.body, ids.get(policy))) await must('PUT', `/v1/acl/token/${accessor}`, wanted)
      continue
    }
    if (present.status === 200) await must('DELETE', `/v1/acl/token/${accessor}`) // a secret cannot be changed
    await must('PUT', '/v1/acl/token', wanted)
  }
  const keep = new Set([self.AccessorID, ANONYMOUS, ...tokens.map(({ accessor }) => accessor)])
  for (const token of await must('GET', '/v1/acl/tokens')) {
    if (!keep.has(token.AccessorID)) await must('DELETE', `/v1/acl/token/${token.AccessorID}`)
    else if (token.AccessorID === ANONYMOUS && !hasOnly(token, undefined)) await must('PUT', `/v1/acl/token/${ANONYMOUS}`, { AccessorID: ANONYMOUS, Description: 'Anonymous Token', Policies: [], Roles: [] })
  }
  const kept = new Set([GLOBAL_MANAGEMENT, ...ids.values()])
  for (const policy of await must('GET', '/v1/acl/policies'))
    if (!kept.has(policy.ID) && !/^builtin\//.test(policy.Name)) await must('DELETE', `/v1/acl/policy/${policy.ID}`)
}

/** Exactly this policy and no other power. */
function hasOnly(token: { Policies?: { ID: string }[] | null; Roles?: unknown[] | null; ServiceIdentities?: unknown[] | null; NodeIdentities?: unknown[] | null }, policy: string | undefined): boolean {
  const ids = (token.Policies ?? []).map(({ ID }) => ID)
  return ids.length === (policy ? 1 : 0) && (!policy || ids[0] === policy) && [token.Roles, token.ServiceIdentities, token.NodeIdentities].every((more) => !more?.length)
}
