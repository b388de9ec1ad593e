/**
 * Three Consul servers that answer HTTPS with client certificates alone, under a certificate authority of their own,
 * gossip encrypted, everything denied unless a token's policy names it (S7.1, S4.2).
 */
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { makePrivate, writePrivate } from './files.ts'
import type { Consul } from './parts.ts'
import type { Owner, SpawnSpec } from './spawn-spec.ts'

export const DATACENTER = 'dc1'
/** DNS name that a Consul server's certificate carries and no client's does; 127.0.0.1 besides. */
export const SERVER_NAME = `server.${DATACENTER}.consul`

export type ConsulPorts = { https: number; server: number; serf: number }
export type ConsulFiles = { certificate: string; key: string; roots: string }
/** `gossip`: 32 random bytes in base64. `management` and `agent`: UUIDs, the tokens' secrets. */
export type ConsulSecrets = { gossip: string; management: string; agent: string }

const before = (version: string, than: string) => version.localeCompare(than, 'en', { numeric: true }) < 0

/** The configuration document of server `index` (0–2). Names that changed with Consul 1.11 and 1.12 follow `version`. */
export function config(index: number, ports: ConsulPorts[], dataDir: string, files: ConsulFiles, secrets: ConsulSecrets, version: string): Record<string, unknown> {
  const own = ports[index] as ConsulPorts
  const tls = { ca_file: files.roots, cert_file: files.certificate, key_file: files.key, verify_incoming: true, verify_outgoing: true }
  const management = before(version, '1.11') ? { master: secrets.management } : { initial_management: secrets.management }
  return {
    server: true,
    node_name: `consul-${index + 1}`,
    datacenter: DATACENTER,
    data_dir: dataDir,
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    bootstrap_expect: ports.length,
    ports: { https: own.https, server: own.server, serf_lan: own.serf, http: -1, dns: -1, grpc: -1, serf_wan: -1, ...(before(version, '1.14') ? {} : { grpc_tls: -1 }) },
    retry_join: ports.filter((_, i) => i !== index).map(({ serf }) => `127.0.0.1:${serf}`),
    retry_interval: '1s',
    encrypt: secrets.gossip,
    ...(before(version, '1.12') ? { ...tls, verify_server_hostname: true, tls_min_version: 'tls13' } : { tls: { defaults: { ...tls, tls_min_version: 'TLSv1_3' }, internal_rpc: { verify_server_hostname: true } } }),
    acl: { enabled: true, default_policy: 'deny', down_policy: 'extend-cache', tokens: { ...management, agent: secrets.agent } },
    connect: { enabled: false },
    performance: { raft_multiplier: 1, leave_drain_time: '0s' },
    disable_update_check: true,
    disable_remote_exec: true,
    disable_coordinates: true,
    leave_on_terminate: false,
    skip_leave_on_interrupt: true,
    rejoin_after_leave: true,
    log_level: 'INFO',
    log_json: true,
  }
}

/** Writes the configuration, which holds secrets, and makes the data folder. `dir` is this server's own. */
export async function prepare(dir: string, document: Record<string, unknown>, owner: Owner): Promise<void> {
  await makePrivate(dir, owner)
  await makePrivate(document['data_dir'] as string, owner)
  await writePrivate(join(dir, 'consul.json'), JSON.stringify(document, null, 2), owner)
}

export const spawnSpec = (part: Consul, dir: string): SpawnSpec => ({
  command: part.path,
  args: ['agent', `-config-file=${join(dir, 'consul.json')}`],
  env: { PATH: '/usr/bin:/bin', HOME: dir },
  cwd: dir,
  stopSignal: 'SIGTERM',
  reload: 'SIGHUP',
})

/** Where and as whom to speak to the servers; PEM text; the roots are Consul's own authority. */
export type ConsulDoor = { ports: number[]; tls: { ca: string; cert: string; key: string }; token: string }
export type ConsulAnswer = { status: number; body: any }
export type ConsulClient = { call(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<ConsulAnswer>; close(): Promise<void> }

/** Calls the first server that can be reached. Throws only when none can. */
export function createConsulClient(door: ConsulDoor): ConsulClient {
  const agent = new Agent({ connect: { ...door.tls, servername: SERVER_NAME, minVersion: 'TLSv1.3', timeout: 2_000 }, headersTimeout: 10_000, bodyTimeout: 10_000 })
  return {
    async call(method, path, body) {
      const failures: unknown[] = []
      for (const port of door.ports) {
        try {
          const answer = await request(`https://127.0.0.1:${port}${path}`, { method, dispatcher: agent, headers: { 'x-consul-token': door.token }, ...(body !== undefined && { body: JSON.stringify(body) }) })
          const text = await answer.body.text()
          return { status: answer.statusCode, body: answer.headers['content-type']?.includes('json') ? JSON.parse(text) : text }
        } catch (error) {
          failures.push(error)
        }
      }
      throw new AggregateError(failures, `no Consul server answered ${method} ${path}`, { cause: failures[0] })
    },
    close: () => agent.close(),
  }
}

/** True when this server knows a leader and the management token. Throws when TLS refuses us: that does not pass by waiting. */
export async function ready(client: ConsulClient): Promise<boolean> {
  try {
    return (await client.call('GET', '/v1/acl/token/self')).status === 200
  } catch (error) {
    const { code = '' } = ((error as Error).cause ?? {}) as { code?: string }
    if (/^ERR_|CERT|SELF_SIGNED|UNABLE_TO/.test(code)) throw error
    return false
  }
}
