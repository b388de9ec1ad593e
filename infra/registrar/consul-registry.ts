/**
 * The registry in Consul: every instance an external node of its own, so that no agent runs beside it (S3.5). Reads are
 * consistent (S3.7): a stale one could bring back who has just been taken out.
 */
import https from 'node:https'
import Consul from 'consul'
import type { Instance } from './decide.ts'
import type { Registry } from './registry.ts'

const SERVER_NAME = 'server.dc1.consul'
const OWNER = { 'managed-by': 'registrar', 'external-node': 'true' }

type Entry = { Node: string; Address: string; ServiceName: string; ServiceID: string; ServiceAddress: string; ServicePort: number; ServiceMeta?: Record<string, string> }

/** Tries each server in turn. Rejects when none does it, or at once when Consul says no. */
export function consulRegistry({ servers, ca, certificate, key, token }: { servers: { host: string; port: number }[]; ca: string; certificate: string; key: string; token: string }): Registry {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 4, ca, cert: certificate, key, servername: SERVER_NAME, minVersion: 'TLSv1.3' })
  const clients = servers.map(({ host, port }) => new Consul({ host, port, secure: true, agent, defaults: { token, consistent: true } }))
  let first = 0

  async function ask<T>(call: (consul: InstanceType<typeof Consul>) => Promise<T>): Promise<T> {
    const failures: unknown[] = []
    for (let i = 0; i < clients.length; i++) {
      const at = (first + i) % clients.length
      try {
        const answer = await call(clients[at]!)
        first = at
        return answer
      } catch (error) {
        const { statusCode } = error as { statusCode?: number }
        if (statusCode && statusCode < 500) throw error
        failures.push(error)
      }
    }
    throw new AggregateError(failures, 'no Consul server did it', { cause: failures[0] })
  }

  const within = { timeout: 3_000 } as object // known to the library, not to its types
  return {
    read: () => ask(async (consul) => {
      const names = Object.keys(await consul.catalog.service.list(within))
      const entries = (await Promise.all(names.map((service) => consul.catalog.service.nodes({ service, ...within })))).flat() as Entry[]
      const instances = entries.map(({ Node, Address, ServiceID, ServiceName, ServiceAddress, ServicePort, ServiceMeta }): Instance =>
        ({ id: Node === ServiceID && /^[a-z0-9-]+$/.test(Node) ? Node : `${encodeURIComponent(Node)}/${encodeURIComponent(ServiceID)}`, service: ServiceName, version: ServiceMeta?.['version'] ?? '', host: ServiceAddress || Address, port: ServicePort }))
      return new Map(instances.map((instance) => [instance.id, instance]))
    }),
    register: ({ id, service, version, host, port }) => ask((consul) => consul.catalog.register({
      node: id, address: host, nodemeta: OWNER, ...within,
      service: { id, service, address: host, port, meta: { version } },
      check: { node: id, checkid: `${id}-health`, name: 'checked by the registrar over mutual TLS', serviceid: id, status: 'passing' },
    })),
    // Another may have hung a service of its own to a node of ours.
    deregister: (id) => { const [node = '', serviceid] = id.split('/').map(decodeURIComponent); return ask((consul) => consul.catalog.deregister({ node, ...(serviceid && { serviceid }), ...within })) },
    close: () => agent.destroy(),
  }
}
