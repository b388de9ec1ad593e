// The registry's traffic: without TLS, with older versions of it, with nobody's certificate, and at Consul's own ports.
import { endpoints, freshAddress } from '../../shop.ts'
import { attack } from '../attack.ts'
import { Insider } from '../insider.ts'
import type { Scene } from '../scene.ts'
import { speak } from '../tls-client.ts'

const CONSUL = endpoints.infrastructure.consul.map(({ host, port }) => `${host}:${port}`)

attack({
  id: 'S3.3-a',
  strategies: ['S3.3'],
  kind: 'inherent',
  goal: 'speak to the registry over a connection that others can read, or as nobody',
  without: null,
  stopped: { code: 'handshake-refused', detection: 'MTLS-REJECT' },
  async run(scene: Scene) {
    const { held } = await scene.insider('order')
    const own = { key: held.key, cert: held.certificate }
    const registry = Insider.addressOf('registry').slice('https://'.length)
    let isHeard = false
    const ways: [string, Parameters<typeof speak>[2], object | false][] = [
      ['plain HTTP', undefined, false], ['TLS 1.2 with a good certificate', own, { maxVersion: 'TLSv1.2' }], ['TLS 1.1', own, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }], ['no certificate', undefined, {}],
    ]
    for (const [what, client, more] of ways)
      for (const [name, address] of [['registry', registry], ...CONSUL.map((at) => ['consul', at] as const)] as const) {
        const source = freshAddress()
        const { bytes, end } = await speak(address, source, client, more)
        scene.note({ request: `${name}: ${what}`, end, bytes })
        if (/^HTTP\/1\.1 (?!400)/.test(bytes)) isHeard = true
        // Consul is spoken to by registry and registrar alone, under an authority of its own; it reports nothing itself.
        else if (name === 'registry') scene.refused({ address: source })
      }
    // A mesh certificate is not one of Consul's authority.
    for (const address of CONSUL) if (/^HTTP/.test((await speak(address, freshAddress(), own)).bytes)) isHeard = true
    return isHeard
  },
  async probe(scene) {
    const order = await scene.insider('order')
    const answer = await order.call(order.held.places.registry, 'GET', '/v1/health/service/catalog?passing=true', { headers: { 'x-consul-token': order.held.places.consulToken } })
    return answer.status === 200 && answer.json.length > 0
  },
})
