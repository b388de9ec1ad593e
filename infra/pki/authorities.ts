/**
 * The authorities: separate roots for separate trust (design 4). Each key is made in the vault and stays there, but
 * the mesh root's: it signs one intermediate and is forgotten.
 */
import { createPublicKey, generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { pemBlocks } from '@shop/chassis/der.ts'
import type { Logger } from '@shop/chassis/log.ts'
import type { VaultClient } from '@shop/chassis/vault-client.ts'
import { nameConstraints, signAuthority, type Issuer } from './certificate.ts'
import { authorityProfile, type AuthorityName, type AuthorityProfile } from './profiles.ts'

export type Authority = Issuer & {
  /** What a leaf carries along, PEM; empty when the authority is its own root. */
  intermediates: string
  /** What others trust, PEM. */
  root: string
}
export type Authorities = Record<AuthorityName, Authority>

export type Place = { stateDir: string; doorsDir: string; doorNames: string[]; brand: string; checkout: string }

const RENEW_BEFORE_MS = 30 * 86_400_000

/** Finds each authority or makes it; the same call at every start. */
export async function ensureAuthorities(place: Place, vault: VaultClient, log: Logger, now: Date): Promise<Authorities> {
  const ensure = (name: AuthorityName) => ensureAuthority(name, place, vault, log, now)
  return { mesh: await ensure('mesh'), doors: await ensure('doors'), consul: await ensure('consul'), partners: await ensure('partners'), users: await ensure('users') }
}

async function ensureAuthority(name: AuthorityName, place: Place, vault: VaultClient, log: Logger, now: Date): Promise<Authority> {
  const label = `authority.${name}`
  const dir = name === 'doors' ? place.doorsDir : place.stateDir
  const profile = authorityProfile(name, place.brand, place.checkout, place.doorNames)
  const self = { subject: profile.commonName, sign: (data: Uint8Array) => vault.sign(label, data) }
  const key = await vault.ensureKey(label)
  const stored = readChain(`${dir}/${name}.pem`)
  const present = stored && accept(stored, profile, keyOf(key.publicKey), now)
  if (present) return { ...self, ...present }

  // Certificates gone or unfit: whatever the old key signed is not trusted any more, so the key goes as well.
  if (!key.isNew) await vault.deleteKey(label)
  const publicKey = keyOf((key.isNew ? key : await vault.ensureKey(label)).publicKey)
  const notAfter = new Date(now.getTime() + profile.seconds * 1000)
  const issuer = name === 'mesh' ? rootInMemory(place, now) : { ...self, publicKey, notAfter }
  const chain = [await signAuthority(profile, publicKey, issuer, now)]
  if (name === 'mesh') chain.push(await signAuthority(authorityProfile('mesh-root', place.brand, place.checkout, []), issuer.publicKey, issuer, now))
  mkdirSync(dir, { recursive: true, mode: 0o750 })
  writeFileSync(`${dir}/.${name}.pem`, chain.join(''), { mode: 0o640 })
  renameSync(`${dir}/.${name}.pem`, `${dir}/${name}.pem`)
  log.info({ audit: 'authority', authority: name, subject: profile.commonName }, 'authority made')
  const made = accept(chain, profile, publicKey, now)
  if (!made) throw new Error(`the ${name} authority just made is not acceptable`)
  return { ...self, ...made }
}

function rootInMemory({ brand, checkout }: Place, now: Date): Issuer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { commonName, seconds } = authorityProfile('mesh-root', brand, checkout, [])
  return { subject: commonName, publicKey, notAfter: new Date(now.getTime() + seconds * 1000), sign: async (data) => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }) }
}

const keyOf = (jwk: object): KeyObject => createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })

function readChain(path: string): string[] | null {
  try {
    return pemBlocks('CERTIFICATE', readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Null unless the stored chain is this authority's: its key, name and limits, lasting long enough, properly signed. */
function accept(chain: string[], profile: AuthorityProfile, publicKey: KeyObject, now: Date): Omit<Authority, 'subject' | 'sign'> | null {
  const certificates = chain.map((block) => new X509Certificate(block))
  const own = certificates[0], root = certificates.at(-1)
  if (!own || !root || !own.publicKey.equals(publicKey) || own.subject !== `CN=${profile.commonName}` || !own.ca) return null
  if (certificates.some((c) => c.validToDate.getTime() - RENEW_BEFORE_MS < now.getTime())) return null
  if (!own.verify(root.publicKey) || !root.verify(root.publicKey)) return null
  if (profile.permitted && !own.raw.includes(nameConstraints(profile.permitted))) return null
  return { publicKey, notAfter: own.validToDate, intermediates: chain.slice(0, -1).join(''), root: chain.at(-1)! }
}
