import type { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readPeer, uriNames } from './tls.ts'

/** As Node prints the names: quoted when a name could be read as two. */
const certificate = (subjectAltName: string | undefined) => ({ subjectAltName, raw: Buffer.from('leaf') }) as unknown as X509Certificate

describe('peers', () => {
  test('S4.2 exactly one URI name, exactly ours', () => {
    fc.assert(fc.property(fc.stringMatching(/^[a-z][a-z0-9-]{0,62}$/), (workload) => {
      expect(readPeer(certificate(`DNS:x, URI:spiffe://shop.test/mesh/${workload}`), 'shop.test')).toMatchObject({ workload, spiffeId: `spiffe://shop.test/mesh/${workload}` })
      expect(() => readPeer(certificate(`URI:spiffe://shop.test/data/${workload}`), 'shop.test')).toThrow(expect.objectContaining({ code: 'peer-unknown', status: 403, detection: 'MESH-DENY' }))
      expect(readPeer(certificate(`URI:spiffe://shop.test/data/${workload}`), 'shop.test', 'data').workload).toBe(workload)
    }))
  })

  test('S4.2 no other text is a peer', () => {
    const exact = /^(?:DNS:[^,"]*, )*URI:spiffe:\/\/shop\.test\/mesh\/[a-z][a-z0-9-]{0,62}$/
    const piece = fc.constantFrom('URI:', 'DNS:', ', ', 'spiffe://shop.test/mesh/', 'order', 'Order', '/', '%2f', '"', 'spiffe://shop.test', '.', ' ', '\\', 'SPIFFE://', '\u0000', 'é')
    fc.assert(fc.property(fc.array(piece, { maxLength: 8 }).map((p) => p.join('')).filter((text) => !exact.test(text)), (text) => {
      let peer: ReturnType<typeof readPeer>
      try {
        peer = readPeer(certificate(text), 'shop.test')
      } catch (error) {
        expect(error).toMatchObject({ code: 'peer-unknown' })
        return
      }
      // Whatever else stands there, it was one plain URI name between plain names.
      expect(text.split(', ')).toContain(`URI:${peer.spiffeId}`)
      expect(text.split(', ').filter((n) => n.startsWith('URI:'))).toHaveLength(1)
    }), { numRuns: 2000 })
  })

  test('a trust domain is not a pattern', () => {
    expect(() => readPeer(certificate('URI:spiffe://shopxtest/mesh/order'), 'shop.test')).toThrow()
    expect(() => readPeer(certificate('URI:spiffe://shop.test.evil/mesh/order'), 'shop.test')).toThrow()
  })

  test('names that Node had to quote are not read at all', () => {
    expect(uriNames({ subjectAltName: 'URI:"spiffe://shop.test/mesh/a, URI:spiffe://shop.test/mesh/b"' })).toEqual([])
    expect(uriNames({ subjectAltName: undefined })).toEqual([])
  })
})
