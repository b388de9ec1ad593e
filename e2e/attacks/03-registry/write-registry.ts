/** What an insider tries at the registry: through its gateway as everybody must, or at Consul itself from behind it. */
import type { MeshAnswer } from '../insider.ts'
import type { Sign } from '../detection.ts'
import type { Scene } from '../scene.ts'

export type Try = [method: string, path: string, body?: unknown]

/** Entries of the named service as an honest reader sees them. */
export async function listed(scene: Scene, reader: string, service: string): Promise<string> {
  const { held, call } = await scene.insider(reader).then((one) => ({ held: one.held, call: one.call.bind(one) }))
  const answer = await call(held.places.registry, 'GET', `/v1/health/service/${service}?passing=true`, { headers: { 'x-consul-token': held.places.consulToken } })
  return JSON.stringify((answer.json ?? []).map((entry: any) => [entry.Service.ID, entry.Service.Address, entry.Service.Port]).sort())
}

const ANONYMOUS = '00000000-0000-0000-0000-000000000002'

/**
 * Sends every request as `workload`, with its own token, with none and with the anonymous one. `isBehind`: from where
 * the registry's gateway stands, with its certificate, so that Consul's own rules are all there is.
 */
export async function tryAll(scene: Scene, workload: string, tries: Try[], about: Sign, isBehind = false): Promise<{ answered: number; texts: string[] }> {
  const insider = await scene.insider(workload)
  const { registry, consulToken } = insider.held.places
  const behind = isBehind ? (await scene.insider('registry')).atConsul() : undefined
  const heard = { answered: 0, texts: [] as string[] }
  let isRefused = false
  try {
    for (const [method, path, body] of tries)
      for (const token of [consulToken, '', ANONYMOUS]) {
        const { traceparent } = scene.trace()
        const init = { headers: { traceparent, ...(token && { 'x-consul-token': token }), ...(body !== undefined && { 'content-type': 'application/json' }) }, ...(body !== undefined && { body: JSON.stringify(body) }) }
        const answer: MeshAnswer = await (behind ? behind.call(behind.server, method, path, init) : insider.call(registry, method, path, init))
        scene.answered(answer, `${method} ${path} as ${workload}${isBehind ? ' at Consul' : ''}`, about)
        if (answer.status === 403) isRefused = true
        if (answer.status >= 400) continue
        heard.answered += 1
        heard.texts.push(answer.text)
      }
    // Consul says whom it refused by the address alone, and of a list it only leaves out.
    if (behind && isRefused) scene.refused({ ...about, address: behind.address, source: 'consul-' })
    return heard
  } finally {
    await behind?.close()
  }
}

/** A machine of one's own under a service's name. */
export const machine = (node: string, service: string) => ({ Node: node, Address: '127.6.6.6', Service: { ID: node, Service: service, Address: '127.6.6.6', Port: 6666 }, Check: { Node: node, CheckID: node, Name: 'mine', Status: 'passing', ServiceID: node } })

/** Every way that Consul's API has to write `node` into the list of order's instances. True when it stands there; it is taken out again. */
export async function writeItself(scene: Scene, workload: string, node: string, about: Sign, isBehind = false): Promise<{ answered: number; isListed: boolean }> {
  const own = machine(node, 'order')
  const { answered } = await tryAll(scene, workload, [
    ['PUT', '/v1/catalog/register', own], ['PUT', '/v1/txn', [{ Node: { Verb: 'set', Node: { Node: node, Address: '127.6.6.6' } } }, { Service: { Verb: 'set', Node: node, Service: own.Service } }]],
    ['PUT', '/v1/agent/service/register', { ID: node, Name: 'order', Address: '127.6.6.6', Port: 6666 }], ['PUT', '/v1/agent/check/pass/service:order-1'], ['PUT', '/v1/session/create', { Node: 'order-1' }], ['PUT', '/v1/kv/releases/order', { weight: 100 }],
    ['POST', '/v1/query', { Name: 'order' }], ['PUT', '/v1/config', { Kind: 'service-defaults', Name: 'order' }], ['PUT', '/v1/acl/token', {}], ['PUT', '/v1/acl/bootstrap'],
    ['PUT', '/v1/catalog/deregister', { Node: 'order-1' }], ['DELETE', '/v1/kv/?recurse'], ['PUT', '/v1/agent/force-leave/consul-1'], ['DELETE', '/v1/operator/raft/peer?address=127.0.0.1:1'],
  ], about, isBehind)
  const isListed = (await listed(scene, 'edge', 'order')).includes(`"${node}"`)
  // What could be done is undone: nobody else is to meet it.
  if (answered) await tryAll(scene, workload, [['PUT', `/v1/agent/service/deregister/${node}`], ['PUT', '/v1/catalog/deregister', { Node: node }], ['DELETE', '/v1/config/service-defaults/order']], about, isBehind)
  scene.note({ [`${node} is listed`]: isListed, 'requests that were done': answered })
  return { answered, isListed }
}

/** Everything that tells who else is there. `known`: instances seen in the answers. */
export async function readAll(scene: Scene, workload: string, about: Sign, isBehind = false): Promise<{ answered: number; known: string[] }> {
  const { answered, texts } = await tryAll(scene, workload, [
    ...['billing', 'order', 'catalog', 'consul', 'Order', 'order%00', '..%2forder', 'constructor'].map((name): Try => ['GET', `/v1/health/service/${name}?passing=true`]),
    ['GET', '/v1/catalog/services'], ['GET', '/v1/catalog/service/order'], ['GET', '/v1/catalog/nodes'], ['GET', '/v1/catalog/datacenters'], ['GET', '/v1/agent/members'], ['GET', '/v1/agent/services'], ['GET', '/v1/agent/self'], ['GET', '/v1/internal/ui/services'], ['GET', '/v1/kv/?recurse'], ['GET', '/v1/health/state/any'],
    ['GET', '/v1/health/node/order-1'], ['GET', '/v1/acl/tokens'], ['GET', '/ui/'], ['GET', '/v1/health/service/billing/../order?passing=true'], ['GET', '//v1/health/service/billing?passing=true'], ['GET', '/v1/event/list'], ['GET', '/v1/coordinate/nodes'], ['GET', '/v1/health/service/order?passing=true&token=x'],
  ], about, isBehind)
  const known = [...new Set(texts.flatMap((text) => text.match(/"(order|billing|catalog)(-\d+)?"/g) ?? []))]
  scene.note({ 'requests that were answered': answered, known })
  return { answered, known }
}
