/**
 * Lab only: certificates of the mesh's own authority that it would never give out (S4.2): past, future, for servers alone,
 * and below an authority that the authority may not have. Prints JSON: name → { key, cert }, PEM.
 *
 * The shop's issuer has no such request. This signs beside it, over the signer's socket, which only the shop's own user
 * may open; so it takes the machine itself, not a hole.
 */
import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createVaultClient } from '@shop/chassis/vault-client.ts'
import { signAuthority, signLeaf, type Issuer } from '@shop/pki/certificate.ts'
import { workloadProfile } from '@shop/pki/profiles.ts'

if (process.env['NODE_ENV'] === 'production') throw new Error('the lab is refused in production')
const [shopDir, trustDomain, workload] = process.argv.slice(2) as [string, string, string]
const { control } = JSON.parse(readFileSync(join(shopDir, 'runner.json'), 'utf8')) as { control: string }
const chain = readFileSync(join(shopDir, 'state/pki/mesh.pem'), 'utf8').match(/-----BEGIN[\s\S]+?END CERTIFICATE-----\n/g)!
const own = new X509Certificate(chain[0]!)
const vault = createVaultClient(join(dirname(control), 'vault-pki/s'))

const HOUR = 3_600_000
const lifetimes = { mesh: 3_600, data: 3_600, backing: 3_600 }
const profile = workloadProfile('mesh', workload, trustDomain, lifetimes)
const authority: Issuer = { subject: own.subject.replace(/^CN=/, ''), publicKey: own.publicKey, notAfter: own.validToDate, sign: (data) => vault.sign('authority.mesh', data) }
const now = Date.now()
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const leaf = (changes: Partial<typeof profile>, at = now, issuer = authority) => signLeaf({ ...profile, ...changes }, publicKey, issuer, new Date(at))

const below = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const belowName = 'an authority below'
const belowCertificate = await signAuthority({ commonName: belowName, usages: ['client', 'server'], pathLength: 0, seconds: 3_600 }, below.publicKey, authority, new Date(now))
const belowIssuer: Issuer = { subject: belowName, publicKey: createPublicKey(below.privateKey), notAfter: own.validToDate, sign: async (data) => sign('sha256', data, { key: below.privateKey, dsaEncoding: 'ieee-p1363' }) }

process.stdout.write(JSON.stringify({
  good: { key, cert: await leaf({}) + chain[0]! },
  expired: { key, cert: await leaf({}, now - 2 * HOUR) + chain[0]! },
  'not yet valid': { key, cert: await leaf({}, now + HOUR) + chain[0]! },
  'for servers alone': { key, cert: await leaf({ usages: ['server'] }) + chain[0]! },
  'below an authority too many': { key, cert: await leaf({}, now, belowIssuer) + belowCertificate + chain[0]! },
}))
await vault.close()
