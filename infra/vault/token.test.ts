import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, describe, expect, test } from 'vitest'
import { softhsm } from '@shop/chassis/test-part.ts'
import { CKA, CKO, CKR, CryptokiError, loadCryptoki } from './cryptoki.ts'
import { openToken } from './token.ts'

describe('token', () => {
  const dir = mkdtempSync(`${tmpdir()}/token-`)
  afterAll(() => rmSync(dir, { recursive: true }))

  test('S1.5 not even this process can read a key out of the token', () => {
    const token = openToken({ tokenDir: dir, library: softhsm }, 'a-long-enough-pin')
    token.ensureSigningKey('client/key')
    token.wrap('client', { iv: Buffer.alloc(12), aad: Buffer.alloc(0) }, Buffer.alloc(32))
    token.close()
    const pkcs11 = loadCryptoki(softhsm)
    pkcs11.initialize()
    const session = pkcs11.openSession(pkcs11.slots().find((slot) => pkcs11.tokenInfo(slot).label === 'shop')!)
    pkcs11.login(session, 'user', 'a-long-enough-pin')
    for (const kind of [CKO.PRIVATE_KEY, CKO.SECRET_KEY]) {
      const [key, ...others] = pkcs11.findObjects(session, [[CKA.CLASS, kind]])
      expect(others).toEqual([])
      expect(() => pkcs11.attribute(session, key!, CKA.VALUE)).toThrow(new CryptokiError('C_GetAttributeValue', CKR.SENSITIVE))
      expect(pkcs11.attribute(session, key!, CKA.EXTRACTABLE)).toEqual(Buffer.from([0]))
      if (kind !== CKO.PRIVATE_KEY) continue
      const copy = pkcs11.copyObject(session, key!, [[CKA.TOKEN, false]])
      expect(() => pkcs11.attribute(session, copy, CKA.VALUE), 'what signs').toThrow(new CryptokiError('C_GetAttributeValue', CKR.SENSITIVE))
      expect(pkcs11.attribute(session, copy, CKA.EXTRACTABLE)).toEqual(Buffer.from([0]))
      expect(() => pkcs11.copyObject(session, key!, [[CKA.TOKEN, false], [CKA.EXTRACTABLE, true]])).toThrow(CryptokiError)
    }
    pkcs11.finalize()
  })

  test('S1.5 a key that was destroyed signs no more', () => {
    const token = openToken({ tokenDir: dir, library: softhsm }, 'a-long-enough-pin')
    token.ensureSigningKey('client/gone')
    expect(token.sign('client/gone', Buffer.alloc(32))).toHaveLength(64)
    expect(token.destroySigningKey('client/gone')).toBe(true)
    expect(token.sign('client/gone', Buffer.alloc(32))).toBeUndefined()
    token.close()
  })

  test('clears what a crash left of a pair', () => {
    const token = openToken({ tokenDir: dir, library: softhsm }, 'a-long-enough-pin')
    const { publicKey } = token.ensureSigningKey('client/key')
    token.close()
    const pkcs11 = loadCryptoki(softhsm)
    pkcs11.initialize()
    const session = pkcs11.openSession(pkcs11.slots().find((slot) => pkcs11.tokenInfo(slot).label === 'shop')!)
    pkcs11.login(session, 'user', 'a-long-enough-pin')
    pkcs11.destroyObject(session, pkcs11.findObjects(session, [[CKA.CLASS, CKO.PUBLIC_KEY]])[0]!)
    pkcs11.finalize()
    const again = openToken({ tokenDir: dir, library: softhsm }, 'a-long-enough-pin')
    expect(again.signingKeys().size).toBe(0)
    expect(again.ensureSigningKey('client/key').publicKey).not.toEqual(publicKey)
    again.close()
  })
})
