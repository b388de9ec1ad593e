// Somebody is on the internal network and has no identity of it. He finds every TLS listener and speaks HTTP to it: with
// no certificate, with one of his own making, with those of partners and people that other authorities of the shop gave out.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endpoints, freshAddress } from '../../shop.ts'
import { attack, NotRun } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'
import { speak, type Client } from '../tls-client.ts'

/** pki answers anyone who brings a one-time secret; it is asked only with certificates that are none. */
const LISTENERS = endpoints.processes.filter(({ kind, name, address }) => address && (kind === 'micro-gateway' || ['access', 'exchange', 'registry', 'monitor', 'pki'].includes(name) || name.startsWith('consul-') || name === 'rabbitmq'))
/** Consul writes nothing of a handshake that it refuses; it is spoken to by registry and registrar alone. */
const REPORTS = (name: string) => !name.startsWith('consul-')

function selfSigned(): Client {
  const folder = mkdtempSync(join(tmpdir(), 'self-signed-'))
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'k', '-out', 'c', '-days', '1', '-subj', '/CN=order', '-addext', 'subjectAltName=URI:spiffe://lantern.test/mesh/order'], { cwd: folder, stdio: 'ignore' })
    return { key: readFileSync(join(folder, 'k')), cert: readFileSync(join(folder, 'c')) }
  } catch (error) {
    throw new NotRun(`openssl is needed to make a certificate: ${(error as Error).message}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function goRound(scene: Scene): Promise<boolean> {
  const [partner] = endpoints.partner.clients
  const person = endpoints.users.find(({ certificate }) => certificate)
  const read = (one: { certificate?: string; privateKey?: string } | undefined) => one?.certificate && one.privateKey ? { cert: readFileSync(one.certificate), key: readFileSync(one.privateKey) } : undefined
  const clients: [string, Client | undefined][] = [['no certificate', undefined], ['a certificate of his own', selfSigned()], ['a partner\'s certificate', read(partner)], ['a person\'s certificate', read(person)]]
  let isHeard = false
  for (const { name, address } of LISTENERS)
    for (const [what, client] of clients) {
      if (name === 'pki' && !client) continue
      const source = freshAddress()
      const { bytes, end } = await speak(address!, source, client)
      scene.note({ request: `GET / at ${name} with ${what}`, end, bytes })
      if (bytes.startsWith('HTTP/')) isHeard = true
      else if (REPORTS(name)) scene.refused({ address: source, ...(name === 'registry' && { control: 'registry-tls' }) })
    }
  return isHeard
}

attack({
  id: 'S2.6-a',
  strategies: ['S2.6', 'S4.2'],
  kind: 'attack',
  goal: 'get an answer of HTTP from inside the mesh without an identity of it',
  without: 'mutual-tls',
  stopped: { code: 'handshake-refused', detection: 'MTLS-REJECT' },
  run: goRound,
  async probe(scene) {
    const answer = await (await scene.insider('order')).call(Insider.addressOf('catalog-1-gateway'), 'GET', '/')
    return answer.status >= 400
  },
})
