/** What the supervisor alone may ask: registrations, and certificates for what cannot enrol by itself. */
import { generateKeyPairSync } from 'node:crypto'
import type { ApiHandlers } from '@shop/chassis/control-api.ts'
import { InputInvalid } from '@shop/chassis/problem.ts'
import type { Issuing } from './issuer.ts'
import { BACKING, issuedProfile, namesOutside, type IssueRequest, type Lifetimes } from './profiles.ts'
import type { Registrations } from './registrations.ts'

export type AdminParts = { registrations: Registrations; issuing: Issuing; trustDomain: string; lifetimes: Lifetimes; doorNames: string[]; roots: Record<string, string>; nowMs: () => number }

export function adminHandlers({ registrations, issuing, trustDomain, lifetimes, doorNames, roots, nowMs }: AdminParts): ApiHandlers {
  return {
    register({ body: { secretHash, workload, certificates, process } }) {
      if (BACKING.includes(workload as string) || workload === 'pki') throw InputInvalid({ errors: [{ field: 'body.workload', message: 'is a name of the infrastructure' }] })
      registrations.register(secretHash, { workload, certificates, process }, nowMs())
      return { status: 204 }
    },
    async issue({ body }) {
      const profile = issuedProfile(body as IssueRequest, trustDomain, lifetimes)
      const outside = namesOutside(profile, doorNames)
      if (outside.length) throw InputInvalid({ errors: outside.map((name) => ({ field: 'body.dnsNames', message: `${name} is outside what the doors' authority may certify` })) })
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const { chain, roots: trusted } = await issuing(profile, publicKey, (body as IssueRequest).name)
      return { status: 200, body: { key: privateKey.export({ type: 'pkcs8', format: 'pem' }), certificate: chain, roots: trusted } }
    },
    getRoots: () => ({ status: 200, body: roots }),
  }
}
