// Somebody on the internal network asks the registry where the catalog is: in plain HTTP, with older TLS, with nobody's
// certificate. He once overheard the token with which order asks; Consul's tokens are good in anyone's hands. At the
// registry's own gateway first, then at Consul's ports, where mesh certificates count for nothing either. Consul 1.8
// writes nothing of a handshake that it refuses: there the refusal is known by its effect alone, at the gateway by its event.
import { endpoints, freshAddress } from '../../shop.ts'
import { attack } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'
import { speak } from '../tls-client.ts'

const CONSUL = endpoints.infrastructure.consul.map(({ host, port }) => `${host}:${port}`)
const LOOKUP = '/v1/health/service/catalog?passing=true'
let isHeard = false

attack({
  id: 'S3.3-a',
  strategies: ['S3.3'],
  kind: 'attack',
  goal: 'ask the registry over a connection that others can read, or as nobody',
  without: 'registry-tls',
  stopped: { code: 'handshake-refused', detection: 'MTLS-REJECT' },
  async run(scene: Scene) {
    const { held } = await scene.insider('order')
    const own = { key: held.key, cert: held.certificate }
    const question = `GET ${LOOKUP} HTTP/1.1\r\nHost: registry\r\nX-Consul-Token: ${held.places.consulToken}\r\nConnection: close\r\n\r\n`
    const ways: [string, Parameters<typeof speak>[2], object | false][] = [
      ['plain HTTP', undefined, false], ['no certificate', undefined, {}], ['TLS 1.2 with a good certificate', own, { maxVersion: 'TLSv1.2' }], ['TLS 1.2 without one', undefined, { maxVersion: 'TLSv1.2' }],
      ['TLS 1.1', undefined, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    ]
    isHeard = false
    let read = 0
    for (const [what, client, more] of ways) {
      const source = freshAddress()
      const { bytes, end } = await speak(held.places.registry.slice('https://'.length), source, client, more, question)
      scene.note({ request: `registry: ${what}`, end, bytes: bytes.slice(0, 120) })
      if (bytes.startsWith('HTTP/')) isHeard = true
      else scene.refused({ address: source })
      if (bytes.includes('"catalog-1"')) read += 1
    }
    // A mesh certificate is not one of Consul's authority.
    for (const address of CONSUL)
      for (const [what, client, more] of [...ways, ['a mesh certificate', own, {}] as const]) {
        const { bytes, end } = await speak(address, freshAddress(), client, more, question)
        scene.note({ request: `consul at ${address}: ${what}`, end, bytes: bytes.slice(0, 120) })
        // In plain HTTP it says that this is no place for it.
        if (/^HTTP\/1\.[01] (?!400)/.test(bytes)) isHeard = true
      }
    scene.note({ effect: `${read} of ${ways.length} ways read where the catalog is` })
    return read > 0
  },
  isIntact: async () => !isHeard,
  async probe(scene) {
    const { held } = await scene.insider('order')
    const { bytes } = await speak(Insider.addressOf('registry').slice('https://'.length), freshAddress(), { key: held.key, cert: held.certificate }, {},
      `GET ${LOOKUP} HTTP/1.1\r\nHost: registry\r\nX-Consul-Token: ${held.places.consulToken}\r\nConnection: close\r\n\r\n`)
    return bytes.includes('"catalog-1"')
  },
})
