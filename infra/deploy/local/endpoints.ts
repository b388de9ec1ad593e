/** `.shop/endpoints.json`: the doors of the running system, for testers' tools. Shape: docs/contract/endpoints.schema.json. */
import { PARTNERS, demoAccounts, hasCertificate } from './accounts.ts'
import { apiKeyOf, mobileRedirectUri, originOf, passwordOf } from './launch-documents.ts'
import type { Plan, PlannedProcess } from './plan.ts'
import type { System } from '../system.ts'

export type EndpointsInput = {
  system: System
  plan: Plan
  startedAt: Date
  secret(name: string): string
  /** Files below the shop's folder. */
  file(path: string): string
  socket(server: string, client: string): string
  running: { one: PlannedProcess; pid: number; uid: number }[]
  runner: { pid: number; uid: number; socket: string }
  controlsOff: { control: string; strategies: string[]; until?: string }[]
}

export function describeEndpoints(e: EndpointsInput): Record<string, unknown> {
  const origin = (name: string, port: string) => originOf(e.plan, name, port)
  const address = (name: string, port: string) => ({ host: '127.0.0.1', port: e.plan.processes.find((one) => one.name === name)?.ports[port] as number })
  const files = (name: string) => ({ certificate: e.file(`clients/${name}/certificate.pem`), privateKey: e.file(`clients/${name}/key.pem`) })
  return {
    version: 1, mode: 'local', startedAt: e.startedAt.toISOString(), ca: e.file('doors.pem'),
    web: { url: origin('edge', 'web'), openapi: `${origin('edge', 'web')}/openapi.json` },
    mobile: { url: origin('edge', 'mobile'), clientId: 'mobile', redirectUri: mobileRedirectUri(e.system) },
    partner: { url: origin('edge', 'partner'), clients: PARTNERS.map((partner) => ({ ...partner, ...files(partner.clientId), apiKey: e.secret(apiKeyOf(partner.clientId)) })) },
    identity: { issuer: origin('identity', 'door') },
    dashboard: { url: origin('monitor', 'door'), events: `${origin('monitor', 'door')}/events`, testerToken: e.secret('tester-token') },
    psp: { url: origin('psp', 'door'), merchantKey: e.secret('psp-merchant-key') },
    users: demoAccounts(e.system.trustDomain).map((account) => ({
      username: account.username, password: e.secret(passwordOf(account.username)), role: account.role, ...(account.seller && { seller: account.seller }), ...(hasCertificate(account) && files(account.username)),
    })),
    infrastructure: {
      postgres: { ...address('postgres', 'sql'), databases: [...new Set(e.plan.processes.filter((one) => one.hasDatabase).map((one) => one.workload))] },
      rabbitmq: address('rabbitmq', 'amqps'),
      consul: e.plan.processes.filter((one) => one.workload === 'consul').map((one) => address(one.name, 'https')),
      dns: { host: '127.0.0.1', port: e.plan.dnsPort, domain: e.system.trustDomain },
    },
    processes: [
      { name: 'runner', kind: 'control-plane', pid: e.runner.pid, uid: e.runner.uid, log: e.file('logs/runner.log'), socket: e.runner.socket },
      ...e.running.map(({ one, pid, uid }) => ({
        name: one.name, kind: one.kind, pid, uid, log: e.file(`logs/${one.name}.log`), version: '1',
        ...(one.kind === 'service' || one.kind === 'micro-gateway' ? { service: one.workload, instance: String(one.instance) } : {}),
        ...(Object.values(one.ports)[0] !== undefined && { address: `127.0.0.1:${Object.values(one.ports)[0]}` }),
        ...(one.kind === 'service' && { socket: e.socket(one.name, `${one.name}-gateway`) }),
        ...(one.certificates.includes('mesh') ? { spiffeId: `spiffe://${e.system.trustDomain}/mesh/${one.workload}` } : one.certificates.includes('data') ? { spiffeId: `spiffe://${e.system.trustDomain}/data/${one.workload}` } : {}),
      })),
    ],
    controlsOff: e.controlsOff,
  }
}
