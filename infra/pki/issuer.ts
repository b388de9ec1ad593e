/** Issues by profile, and leaves one audit line for each certificate. */
import { X509Certificate, type KeyObject } from 'node:crypto'
import type { Logger } from '@shop/chassis/log.ts'
import type { Authorities } from './authorities.ts'
import { signLeaf } from './certificate.ts'
import type { Profile } from './profiles.ts'

/** The chain (leaf first, no root) and what its reader should trust, PEM. `holder` is the process or person it is for. */
export type Issuing = (profile: Profile, publicKey: KeyObject, holder: string) => Promise<{ chain: string; roots: string }>

export const createIssuing = (authorities: Authorities, log: Logger, now: () => Date): Issuing => async (profile, publicKey, holder) => {
  const authority = authorities[profile.authority]
  const leaf = await signLeaf(profile, publicKey, authority, now())
  const { serialNumber, subject, subjectAltName, validToDate } = new X509Certificate(leaf)
  log.info({ audit: 'certificate', authority: profile.authority, kind: profile.kind, holder, serialNumber, subject, subjectAltName, usages: profile.usages, notAfter: validToDate }, 'certificate issued')
  return { chain: leaf + authority.intermediates, roots: authority.root }
}
