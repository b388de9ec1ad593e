/** What each kind of certificate says. Pure: the table that an auditor reads. */
import type { CertificateKind } from '@shop/chassis/identity.ts'
import { InputInvalid } from '@shop/chassis/problem.ts'

export type AuthorityName = 'mesh' | 'doors' | 'consul' | 'partners' | 'users'
export type IssuedKind = 'backing' | 'owner' | 'door' | 'consul-server' | 'consul-client' | 'partner' | 'user'
export type IssueRequest = { kind: IssuedKind; name: string; dnsNames?: string[]; ipAddresses?: string[]; days?: number }
export type Lifetimes = { mesh: number; data: number; backing: number }

export type Profile = {
  authority: AuthorityName
  kind: CertificateKind | IssuedKind
  /** Null: the names in the extension are all there is, and it is critical (RFC 5280 §4.1.2.6). */
  commonName: string | null
  uris: string[]
  dnsNames: string[]
  ipAddresses: string[]
  usages: ('client' | 'server')[]
  seconds: number
}

/** Servers that speak no SPIFFE, known by a DNS name that no workload may have. */
export const BACKING = ['postgres', 'rabbitmq']
const DAY = 86_400

/** A workload's own certificates. The mesh reads the URI alone; data is for the database role and the broker user. */
export function workloadProfile(kind: CertificateKind, workload: string, trustDomain: string, lifetimes: Lifetimes): Profile {
  if (BACKING.includes(workload)) throw InputInvalid({ errors: [{ field: 'body.workload', message: 'is the name of a backing server' }] })
  const base: Pick<Profile, 'authority' | 'kind' | 'uris' | 'ipAddresses'> = { authority: 'mesh', kind, uris: [`spiffe://${trustDomain}/${kind}/${workload}`], ipAddresses: [] }
  return kind === 'mesh'
    ? { ...base, commonName: null, dnsNames: [`${workload}.${trustDomain}`], usages: ['client', 'server'], seconds: lifetimes.mesh }
    : { ...base, commonName: workload, dnsNames: [], usages: ['client'], seconds: lifetimes.data }
}

/** What the supervisor asks for on behalf of parts that cannot enrol, and of people. */
export function issuedProfile({ kind, name, dnsNames = [], ipAddresses = [], days }: IssueRequest, trustDomain: string, lifetimes: Lifetimes): Profile {
  if (kind !== 'door' && (dnsNames.length || ipAddresses.length)) throw InputInvalid({ errors: [{ field: 'body.dnsNames', message: 'only a door may choose its names' }] })
  if (kind === 'backing' && !BACKING.includes(name)) throw InputInvalid({ errors: [{ field: 'body.name', message: `is not one of ${BACKING.join(', ')}` }] })
  const lasting = (seconds: number) => (days === undefined ? seconds : days * DAY)
  const client = (authority: AuthorityName, seconds: number): Profile => ({ authority, kind, commonName: name, uris: [], dnsNames: [], ipAddresses: [], usages: ['client'], seconds: lasting(seconds) })
  switch (kind) {
    case 'backing': return { authority: 'mesh', kind, commonName: name, uris: [`spiffe://${trustDomain}/backing/${name}`], dnsNames: [`${name}.${trustDomain}`], ipAddresses: ['127.0.0.1'], usages: ['server'], seconds: lasting(lifetimes.backing) }
    // Of no path that can be renewed: whoever steals it has it for its days only.
    case 'owner': return { ...client('mesh', lifetimes.data), uris: [`spiffe://${trustDomain}/operator/${name}`] }
    case 'door': return { authority: 'doors', kind, commonName: name, uris: [], dnsNames: dnsNames.length || ipAddresses.length ? dnsNames : ['localhost'], ipAddresses, usages: ['server'], seconds: lasting(90 * DAY) }
    case 'consul-server': return { authority: 'consul', kind, commonName: name, uris: [], dnsNames: ['server.dc1.consul', 'localhost'], ipAddresses: ['127.0.0.1'], usages: ['server', 'client'], seconds: lasting(lifetimes.backing) }
    case 'consul-client': return client('consul', lifetimes.backing)
    case 'partner': return client('partners', 90 * DAY)
    case 'user': return client('users', 90 * DAY)
  }
}

export type AuthorityProfile = {
  commonName: string
  usages: ('client' | 'server')[]
  /** How many authorities may stand below it. */
  pathLength: number
  /** Host names and addresses it may certify; absent: not limited. */
  permitted?: { dnsNames: string[]; ipAddresses: string[] }
  seconds: number
}

const YEARS = 365 * DAY

export function authorityProfile(name: AuthorityName | 'mesh-root', brand: string, checkout: string, doorNames: string[]): AuthorityProfile {
  const base = { commonName: `${brand} ${name} (${checkout})`, pathLength: 0, seconds: 5 * YEARS }
  switch (name) {
    case 'mesh-root': return { ...base, pathLength: 1, usages: ['client', 'server'] }
    case 'mesh': case 'consul': return { ...base, usages: ['client', 'server'] }
    case 'doors': return { ...base, usages: ['server'], permitted: doorLimits(doorNames) }
    case 'partners': case 'users': return { ...base, usages: ['client'] }
  }
}

const doorLimits = (doorNames: string[]) => ({ dnsNames: ['localhost', ...doorNames], ipAddresses: ['127.0.0.1', '::1'] })

/** Names of a door that no browser would accept from the doors' authority: better refused here than found out there. */
export function namesOutside({ authority, dnsNames, ipAddresses }: Profile, doorNames: string[]): string[] {
  if (authority !== 'doors') return []
  const limits = doorLimits(doorNames)
  return [...dnsNames.filter((name) => !limits.dnsNames.some((l) => name === l || name.endsWith(`.${l}`))), ...ipAddresses.filter((ip) => !limits.ipAddresses.includes(ip))]
}
