// Certificates that look right and are not: order's own key signs one for billing as if it were an authority; an
// authority of the same name as ours signs another; weak keys and broken digests; a chain that ends in nothing.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { endpointsFile, freshAddress } from '../../shop.ts'
import { attack, NotRun } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'
import { speak, type Client } from '../tls-client.ts'

const NAME = 'subjectAltName=URI:spiffe://lantern.test/mesh/edge'

/** Of our own authority, as it never gives them: the lab signs them beside it. */
function odd(): [string, Client][] {
  const printed = execFileSync(process.execPath, [join(import.meta.dirname, '../../../infra/lab/odd-certificates.ts'), dirname(endpointsFile), 'lantern.test', 'edge'], { encoding: 'utf8', timeout: 30_000 })
  return Object.entries(JSON.parse(printed) as Record<string, Client>)
}

/** Made with openssl in a folder of its own. */
function forge(held: { key: string; certificate: string }): [string, Client][] {
  const folder = mkdtempSync(join(tmpdir(), 'forged-'))
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const read = (name: string) => readFileSync(at(name), 'utf8')
  const subject = `/${new X509Certificate(held.certificate.match(/-----BEGIN[\s\S]+?END CERTIFICATE-----/g)!.at(-1)!).issuer.split('\n').join('/')}`
  try {
    writeFileSync(at('leaf.pem'), held.certificate, { mode: 0o600 })
    writeFileSync(at('leaf.key'), held.key, { mode: 0o600 })
    writeFileSync(at('ext'), `${NAME}\nextendedKeyUsage=clientAuth\n`)
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'k', '-out', 'r', '-subj', '/CN=edge')
    const sign = (name: string, ca: string, key: string, ...more: string[]) => openssl('x509', '-req', '-in', 'r', '-CA', ca, '-CAkey', key, '-CAcreateserial', '-out', name, '-extfile', 'ext', ...more)
    sign('by-leaf', 'leaf.pem', 'leaf.key', '-days', '1')
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', subject)
    sign('by-namesake', 'ca.pem', 'ca.key', '-days', '1')
    openssl('req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-sha1', '-keyout', 'weak.key', '-out', 'weak.pem', '-days', '1', '-subj', '/CN=edge', '-addext', NAME)
    const key = read('k')
    return [
      ['signed by a leaf', { key, cert: `${read('by-leaf')}\n${held.certificate}` }], ['signed by a leaf, alone', { key, cert: read('by-leaf') }],
      ['signed by a namesake of our authority', { key, cert: `${read('by-namesake')}\n${read('ca.pem')}` }], ['a namesake, with our chain', { key, cert: `${read('by-namesake')}\n${held.certificate}` }],
      ['an authority as a client', { key: read('ca.key'), cert: read('ca.pem') }], ['RSA-1024 and SHA-1', { key: read('weak.key'), cert: read('weak.pem') }],
    ]
  } catch (error) {
    throw new NotRun(`openssl is needed to forge certificates: ${(error as Error).message}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

attack({
  id: 'S4.2-b',
  strategies: ['S4.2'],
  kind: 'attack',
  goal: 'be taken for the edge with a certificate that our authority did not give',
  without: 'verify-certificate',
  stopped: { code: 'handshake-refused', detection: 'MTLS-REJECT' },
  async run(scene: Scene) {
    const { held } = await scene.insider('order')
    let isHeard = false
    for (const [what, client] of [...forge(held), ...odd().filter(([name]) => name !== 'good')])
      for (const name of ['billing-1-gateway', 'exchange', 'monitor']) {
        const source = freshAddress()
        // OpenSSL may refuse to load what is too weak to be shown at all; that is no answer either.
        const { bytes, end } = await speak(Insider.addressOf(name).slice('https://'.length), source, client, { ciphers: 'DEFAULT@SECLEVEL=0' })
        scene.note({ request: `GET / at ${name}: ${what}`, end, bytes })
        if (bytes.startsWith('HTTP/')) isHeard = true
        else scene.refused({ address: source, control: 'mutual-tls' })
      }
    return isHeard
  },
  async probe() {
    const good = odd().find(([name]) => name === 'good')![1]
    const { bytes } = await speak(Insider.addressOf('billing-1-gateway').slice('https://'.length), freshAddress(), good)
    return bytes.startsWith('HTTP/')
  },
})
