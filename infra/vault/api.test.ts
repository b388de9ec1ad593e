/** On a real token: the module found by the fixture, driven through real sockets. */
import { createHash, createPublicKey, randomBytes, verify, type KeyObject } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { createVaultClient, signJwt, type VaultClient } from '@shop/chassis/vault-client.ts'
import fc from 'fast-check'
import { compactVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { names, softhsm, startPart, type Child } from '@shop/chassis/test-part.ts'

const publicKey = (jwk: object): KeyObject => createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })

describe('vault', () => {
  const dir = mkdtempSync(`${tmpdir()}/vault-`)
  const pin = randomBytes(16).toString('hex')
  let child: Child
  let exchange: VaultClient
  let identity: VaultClient
  const start = (with_ = pin) => startPart('vault', {
    process: 'vault', workload: 'vault', names, secrets: { pin: with_ },
    config: { tokenDir: `${dir}/token`, library: softhsm, sockets: { exchange: `${dir}/exchange`, identity: `${dir}/identity` } },
  })
  beforeAll(async () => {
    mkdirSync(`${dir}/token`, { mode: 0o700 })
    child = await start()
    exchange = createVaultClient(`${dir}/exchange`)
    identity = createVaultClient(`${dir}/identity`)
  })
  afterAll(async () => {
    await Promise.all([exchange.close(), identity.close()])
    await child.stop()
    rmSync(dir, { recursive: true })
  })

  test('S1.5 makes a key once, signs with it, and the signature verifies', async () => {
    const made = await exchange.ensureKey('tokens-1')
    expect(made.isNew).toBe(true)
    expect(await exchange.ensureKey('tokens-1')).toEqual({ ...made, isNew: false })
    const signature = await exchange.sign('tokens-1', Buffer.from('data'))
    expect(signature).toHaveLength(64)
    expect(verify('sha256', Buffer.from('data'), { key: publicKey(made.publicKey), dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
    expect(verify('sha256', Buffer.from('datA'), { key: publicKey(made.publicKey), dsaEncoding: 'ieee-p1363' }, signature)).toBe(false)
  })

  test('many at once are each signed for themselves', async () => {
    const { publicKey: jwk } = await exchange.ensureKey('tokens-1')
    const key = { key: publicKey(jwk), dsaEncoding: 'ieee-p1363' as const }
    const data = Array.from({ length: 100 }, (_, i) => Buffer.from(`data ${i}`))
    const signatures = await Promise.all(data.map((one) => exchange.sign('tokens-1', one)))
    expect(signatures.map((signature, i) => verify('sha256', data[i]!, key, signature))).toEqual(Array(100).fill(true))
    expect(verify('sha256', data[0]!, key, signatures[1]!)).toBe(false)
  })

  test('a signed JWT is one that others verify', async () => {
    const { publicKey: jwk } = await exchange.ensureKey('tokens-2')
    const jwt = await signJwt(exchange, 'tokens-2', { typ: 'at+jwt', kid: 'k2' }, { sub: 'alice' })
    const { protectedHeader, payload } = await compactVerify(jwt, publicKey(jwk))
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: 'k2' })
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ sub: 'alice' })
  })

  test('S1.5 a client sees, uses and deletes its own keys alone', async () => {
    await exchange.ensureKey('mine')
    expect((await identity.listKeys()).map((k) => k.label)).not.toContain('mine')
    await expect(identity.sign('mine', Buffer.from('x'))).rejects.toThrow('404 key-unknown')
    await expect(identity.deleteKey('mine')).rejects.toThrow('404 key-unknown')
    for (const label of ['../exchange/mine', 'exchange%2Fmine', 'exchange/mine', 'Mine', 'mine?x', ''])
      await expect(identity.sign(label, Buffer.from('x'))).rejects.toThrow(/40[045]/)
    await exchange.deleteKey('mine')
    await expect(exchange.sign('mine', Buffer.from('x'))).rejects.toThrow('404 key-unknown')
  })

  test('S1.5 seals and unseals any text, for the same client only, and notices any change', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }).filter((s) => s.isWellFormed()), async (text) => {
      expect(await exchange.unseal(await exchange.seal(text))).toBe(text)
    }), { numRuns: 20 })
    const sealed = await exchange.seal('secret')
    expect(sealed).not.toBe(await exchange.seal('secret'))
    await expect(identity.unseal(sealed)).rejects.toThrow('422 seal-broken')
    const parts = sealed.split('.')
    for (let i = 0; i < parts.length; i++) {
      const bytes = Buffer.from(parts[i]!, 'base64url')
      bytes[bytes.length >> 1]! ^= 1
      await expect(exchange.unseal(parts.with(i, bytes.toString('base64url')).join('.')), `part ${i}`).rejects.toThrow('422 seal-broken')
      await expect(exchange.unseal(parts.toSpliced(i, 1).join('.'))).rejects.toThrow('422 seal-broken')
    }
    for (const junk of ['', '....', 'a.b.c.d.e', `${sealed}=`, `${sealed}.`]) await expect(exchange.unseal(junk)).rejects.toThrow('422 seal-broken')
  })

  const digest = createHash('sha256').update('x').digest('base64url')
  test.each([
    ['POST', '/keys', {}, 400], ['POST', '/keys', { label: 'a', extra: 1 }, 400], ['POST', '/keys', { label: 'UPPER' }, 400], ['POST', '/keys', { label: 'a/b' }, 400],
    ['POST', '/keys', { label: 'a'.repeat(65) }, 400], ['POST', '/keys', '{', 400], ['POST', '/keys', '', 400], ['POST', '/keys', [], 400],
    ['POST', '/keys/tokens-1/sign', { digests: [digest.slice(1)] }, 400], ['POST', '/keys/tokens-1/sign', { digests: [`${digest}A`] }, 400], ['POST', '/keys/tokens-1/sign', { digests: [`${digest.slice(0, 42)}/`] }, 400],
    ['POST', '/keys/tokens-1/sign', { digests: [1] }, 400], ['POST', '/keys/tokens-1/sign', { digests: [digest], alg: 'none' }, 400], ['POST', '/keys/unknown/sign', { digests: [digest] }, 404],
    ['PUT', '/keys', {}, 405], ['GET', '/keys/tokens-1', undefined, 405], ['GET', '/', undefined, 404], ['POST', '/toString', {}, 404],
    ['POST', '/seal', { plaintext: 1 }, 400], ['POST', '/keys/tokens-1/sign', { digests: [digest] }, 200], ['POST', '/keys/tokens-1/sign', { digests: [] }, 400], ['POST', '/keys/tokens-1/sign', { digests: Array(33).fill(digest) }, 400],
  ])('%s %s %j is answered with %i', async (method, path, body, status) => {
    await exchange.ensureKey('tokens-1')
    const answer = await new Promise<{ status: number; type: string | undefined }>((resolve, reject) => {
      http.request({ socketPath: `${dir}/exchange`, method, path }, (res) => { res.resume(); resolve({ status: res.statusCode!, type: res.headers['content-type'] }) })
        .on('error', reject).end(typeof body === 'string' ? body : JSON.stringify(body))
    })
    expect(answer).toEqual({ status, type: status === 200 ? 'application/json' : 'application/problem+json' })
  })

  test('takes no more than it may', async () => {
    await expect(exchange.seal('x'.repeat(70_000))).rejects.toThrow('400 input-invalid')
    await expect(exchange.seal('x'.repeat(140_000))).rejects.toThrow('413 body-too-large')
  })

  test('holds no more keys for one client than it may', async () => {
    for (let i = 0; i < 32; i++) await identity.ensureKey(`k${i}`)
    await expect(identity.ensureKey('one-more')).rejects.toThrow('409 keys-exhausted')
    expect((await identity.ensureKey('k0')).isNew).toBe(false)
  })

  test('S2.6 files and sockets are closed to others', () => {
    expect(statSync(`${dir}/token`).mode & 0o777).toBe(0o700)
    expect(statSync(`${dir}/exchange`).mode & 0o777).toBe(0o770)
  })

  test('keys and seals survive a restart; another PIN does not open them', async () => {
    const { publicKey: before } = await exchange.ensureKey('lasting')
    const sealed = await exchange.seal('kept')
    await child.stop()
    await expect(start('0'.repeat(32))).rejects.toThrow(/the PIN does not open this token/)
    child = await start()
    expect(await exchange.ensureKey('lasting')).toEqual({ label: 'lasting', publicKey: before, isNew: false })
    expect(await exchange.unseal(sealed)).toBe('kept')
  })

  test('S1.5 no log line holds a PIN or what was sealed', async () => {
    await exchange.seal('never-in-a-log')
    expect(JSON.stringify(child.log())).not.toMatch(new RegExp(`never-in-a-log|${pin}`))
  })
})
