/** What each process is told: the `config` and `secrets` of its launch document. Pure; shapes as each folder's config.ts checks them. */
import { createHash } from 'node:crypto'
import { VHOST } from '../backing/broker-model.ts'
import { accessPolicies, exchangeServices, meshPolicyFor, producersFor, readableBy } from '../mesh/policy.ts'
import type { System } from '../system.ts'
import { PARTNERS, demoAccounts } from './accounts.ts'
import type { Lifetimes, Plan, PlannedProcess } from './plan.ts'
import type { Roots } from './pki-client.ts'

export type Material = {
  system: System
  plan: Plan
  lifetimes: Lifetimes
  /** From `npm start`'s secrets: made when first asked for. */
  secret(name: string): string
  socket(server: string, client: string): string
  stateFolder(one: PlannedProcess): string
  /** The doors' authority: outlives a reset. */
  doorsFolder: string
  softhsm: string
  roots: Roots
  /** Certificates of doors, by process. */
  door(process: string): { certificate: string; key: string }
  consulClient(process: string): { certificate: string; key: string }
}
type Told = { config: Record<string, unknown>; secrets?: Record<string, string> }

const HOST = '127.0.0.1'

/** The origin of a process's port: `door`s have names that browsers trust, the rest are reached by address. */
export function originOf(plan: Plan, name: string, port: string): string {
  const number = plan.processes.find((one) => one.name === name)?.ports[port]
  if (number === undefined) throw new Error(`${name} has no port '${port}' in this run`)
  const isLocalName = plan.processes.some((one) => one.name === name && one.kind !== 'external') && port !== 'mesh'
  return `https://${isLocalName ? 'localhost' : HOST}:${number}`
}

export const consulTokenOf = (workload: string) => `consul-token:${workload}`

/** Where a process listens, even when it is left out of this run: its port is planned, a call to it then simply fails. */
export function describeLaunch(one: PlannedProcess, m: Material): Told {
  const origin = (name: string, port = 'mesh') => originOf(m.plan, name, port)
  const fixed = { access: origin('access'), monitor: origin('monitor'), psp: origin('psp', 'door') }
  const port = one.ports.mesh ?? one.ports.door
  const database = one.hasDatabase ? { database: { host: HOST, port: portOf(m.plan, 'postgres', 'sql'), database: one.workload, user: one.workload } } : {}
  const registry = { exchange: origin('exchange'), monitor: origin('monitor'), registry: origin('registry') }
  const consul = () => {
    const { certificate, key } = m.consulClient(one.name)
    return {
      config: { consul: m.plan.processes.filter(({ workload }) => workload === 'consul').map(({ ports }) => ({ host: HOST, port: ports.https })), consulTls: { ca: m.roots.consul, certificate } },
      secrets: { consulKey: key },
    }
  }
  const door = () => m.door(one.name)

  if (one.kind === 'service') return describeService(one, m, database)
  if (one.kind === 'micro-gateway') {
    const app = `${one.workload}-${one.instance}`
    return {
      config: { host: HOST, port, dns: { port: one.ports.dns }, appSocket: m.socket(app, one.name), outboundSocket: m.socket(one.name, app), policy: meshPolicyFor(m.system, one.workload, fixed), ...registry, exchangeIssuer: issuerOf(m.system), doorRoots: m.roots.doors },
      secrets: { consulToken: m.secret(consulTokenOf(one.workload)) },
    }
  }
  const components: Record<string, () => Told> = {
    vault: () => ({
      config: { tokenDir: m.stateFolder(one), library: m.softhsm, sockets: Object.fromEntries(['pki', 'identity', 'exchange', 'access', 'runner'].map((client) => [client, m.socket('vault', client)])) },
      secrets: { pin: m.secret('vault-pin') },
    }),
    pki: () => ({
      config: { port, stateDir: m.stateFolder(one), doorsDir: m.doorsFolder, vaultSocket: m.socket('vault', 'pki'), adminSocket: m.socket('pki', 'runner'), monitor: registry.monitor, lifetimeSeconds: { mesh: m.lifetimes.mesh, data: m.lifetimes.data, backing: m.lifetimes.backing } },
    }),
    access: () => ({ config: { port, exchange: registry.exchange, monitor: registry.monitor, policies: accessPolicies(m.system) } }),
    exchange: () => ({
      config: {
        port, vaultSocket: m.socket('vault', 'exchange'), ...database, access: fixed.access, monitor: registry.monitor, identityIssuer: origin('identity', 'door'), doorRoots: m.roots.doors,
        services: exchangeServices(m.system), lifetimeSeconds: Math.min(60, m.lifetimes.keys), keyLifetimeSeconds: m.lifetimes.keys,
      },
    }),
    identity: () => {
      const accounts = demoAccounts(m.system.trustDomain)
      return {
        config: {
          port, issuer: origin('identity', 'door'), certificate: door().certificate, vaultSocket: m.socket('vault', 'identity'), ...database, userRoots: m.roots.users, accounts, signingKey: { lifetimeSeconds: m.lifetimes.keys, overlapSeconds: Math.min(900, m.lifetimes.keys) }, monitor: registry.monitor,
          mobile: { redirectUris: [mobileRedirectUri(m.system)] },
          edge: { redirectUris: [`${origin('edge', 'web')}/callback`], postLogoutRedirectUris: [`${origin('edge', 'web')}/`], spiffeId: `spiffe://${m.system.trustDomain}/mesh/edge` },
        },
        secrets: { doorKey: door().key, cookieKey: m.secret('identity-cookie-key'), ...Object.fromEntries(accounts.map(({ username }) => [`password:${username}`, m.secret(passwordOf(username))])) },
      }
    },
    monitor: () => ({
      config: { port, doorPort: one.ports.door, certificate: door().certificate, ...database, stores: { socket: m.socket('monitor', 'runner'), workloads: ['postgres', 'rabbitmq', 'consul'] } },
      secrets: { doorKey: door().key, testerToken: m.secret('tester-token') },
    }),
    registry: () => ({
      config: { port, ...consul().config, monitor: registry.monitor, readers: Object.fromEntries([...m.system.services.map(({ name }) => name), 'edge'].map((name) => [name, readableBy(m.system, name)])) },
      secrets: consul().secrets,
    }),
    registrar: () => ({
      config: { inventorySocket: m.socket('runner', 'registrar'), ...consul().config, intervalMs: 500, goodChecks: 2, badChecks: 3, monitor: registry.monitor },
      secrets: { ...consul().secrets, consulToken: m.secret(consulTokenOf('registrar')) },
    }),
    edge: () => {
      const { certificate, key } = door()
      const doorAt = (name: string) => ({ port: one.ports[name], origin: origin('edge', name), certificate })
      const clients = Object.fromEntries(PARTNERS.map(({ clientId }) => [clientId, { apiKeyHash: createHash('sha256').update(m.secret(apiKeyOf(clientId))).digest('base64url') }]))
      return {
        config: {
          doors: { web: doorAt('web'), mobile: doorAt('mobile'), partner: { ...doorAt('partner'), clientRoots: m.roots.partners, clients } },
          ...database, policy: meshPolicyFor(m.system, 'edge', fixed), ...registry, identityIssuer: origin('identity', 'door'), doorRoots: m.roots.doors, pspOrigin: fixed.psp, webhookAllowed: true,
        },
        secrets: { webKey: key, mobileKey: key, partnerKey: key, sessionKey: m.secret('session-key'), consulToken: m.secret(consulTokenOf('edge')) },
      }
    },
    psp: () => ({
      config: { port, certificate: door().certificate, ...database, webhookUrl: `${origin('edge', 'web')}/api/payment-events`, webhookRoots: m.roots.doors, frameAncestors: [origin('edge', 'web')] },
      secrets: { doorKey: door().key, merchantKey: m.secret('psp-merchant-key'), webhookSecret: m.secret('psp-webhook-secret') },
    }),
  }
  const describe = components[one.workload]
  if (!describe) throw new Error(`the local driver does not know what to tell '${one.workload}'`)
  return describe()
}

function describeService(one: PlannedProcess, m: Material, database: Record<string, unknown>): Told {
  const service = m.system.services.find(({ name }) => name === one.workload)
  const gateway = `${one.name}-gateway`
  // What a service shares with a party outside the mesh, for each that its service.ts declares.
  const shared: Record<string, Record<string, string>> = { psp: { pspKey: m.secret('psp-merchant-key'), webhookSecret: m.secret('psp-webhook-secret') } }
  return {
    config: {
      socket: m.socket(one.name, gateway), outboundSocket: m.socket(gateway, one.name), ...database, broker: { host: HOST, port: portOf(m.plan, 'rabbitmq', 'amqps'), vhost: VHOST },
      producers: producersFor(m.system, one.workload),
    },
    secrets: Object.assign({}, ...(service?.external ?? []).map((name) => shared[name])),
  }
}

export const passwordOf = (username: string) => `password:${username}`
export const apiKeyOf = (clientId: string) => `api-key:${clientId}`
/** A private-use scheme, the trust domain turned round (RFC 8252 §7.1). */
export const mobileRedirectUri = ({ trustDomain }: System) => `${trustDomain.split('.').reverse().join('.')}:/callback`
const issuerOf = ({ trustDomain }: System) => `https://exchange.${trustDomain}`

function portOf(plan: Plan, name: string, port: string): number {
  const number = plan.processes.find((one) => one.name === name)?.ports[port]
  if (number === undefined) throw new Error(`${name} has no port '${port}'`)
  return number
}
