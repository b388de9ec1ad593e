/** The enrolment door: who may have which certificate. */
import type { TLSSocket } from 'node:tls'
import type { ApiHandlers } from '@shop/chassis/control-api.ts'
import type { CertificateKind } from '@shop/chassis/identity.ts'
import { problem } from '@shop/chassis/problem.ts'
import { peerOf } from '@shop/chassis/tls.ts'
import { requestedKey } from './certificate.ts'
import type { Issuing } from './issuer.ts'
import { workloadProfile, type Lifetimes } from './profiles.ts'
import type { Registrations } from './registrations.ts'

export const KindRefused = problem('certificate-kind-refused', 403, 'This kind of certificate is not yours', 'Ask for the kinds you were registered for', 'MESH-DENY')

export type DoorParts = { registrations: Registrations; issuing: Issuing; trustDomain: string; lifetimes: Lifetimes; roots: Record<string, string>; nowMs: () => number }

export function doorHandlers({ registrations, issuing, trustDomain, lifetimes, roots, nowMs }: DoorParts): ApiHandlers {
  return {
    async enrol({ body }) {
      const { workload, certificates, process } = registrations.redeem(body.secret as string, nowMs())
      const kinds = Object.keys(body.csrs as object) as CertificateKind[]
      const extra = kinds.filter((kind) => !certificates.includes(kind))
      if (extra.length) throw KindRefused({ evidence: { reason: `${workload} is not registered for ${extra.join(', ')}` } })
      // All requests are checked before the first certificate exists.
      const keys = await Promise.all(kinds.map((kind) => requestedKey(body.csrs[kind] as string)))
      const chains = await Promise.all(kinds.map(async (kind, i) => [kind, { chain: (await issuing(workloadProfile(kind, workload, trustDomain, lifetimes), keys[i]!, process)).chain }] as const))
      return { status: 200, body: Object.fromEntries(chains) }
    },
    async renew({ body, req }) {
      const kind = body.kind as CertificateKind
      // The certificate presented must be of that very kind: a data certificate never becomes a mesh certificate.
      const { workload, spiffeId } = peerOf(req.socket as TLSSocket, trustDomain, kind)
      const key = await requestedKey(body.csr as string)
      const { chain } = await issuing(workloadProfile(kind, workload, trustDomain, lifetimes), key, spiffeId)
      return { status: 200, body: { chain } }
    },
    getRoots: () => ({ status: 200, body: roots }),
  }
}
