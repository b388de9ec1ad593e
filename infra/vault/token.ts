/**
 * The token: made at the first start, found by its label afterwards. Its keys cannot be read, only used (S1.5).
 *
 * A key's name in the token is `<client>/<label>`: what a client may see is decided by where the request came in.
 */
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { CKA, CKO, CKR, CryptokiError, loadCryptoki, type Attribute, type Handle } from './cryptoki.ts'

const TOKEN = 'shop'
const P256 = Buffer.from('06082a8648ce3d030107', 'hex')

export type PublicJwk = { kty: 'EC'; crv: 'P-256'; x: string; y: string }

export type Token = {
  /** Makes the key of that name unless it is there. */
  ensureSigningKey(name: string): { publicKey: PublicJwk; isNew: boolean }
  /** Undefined when there is no such key. `digest` has 32 bytes; the answer has 64, r and s. */
  sign(name: string, digest: Buffer): Buffer | undefined
  destroySigningKey(name: string): boolean
  signingKeys(): Map<string, PublicJwk>
  /** AES-256-GCM inside the token, under the wrapping key of that name, made when first asked for. */
  wrap(name: string, gcm: { iv: Buffer; aad: Buffer }, plain: Buffer): Buffer
  /** Null when it does not open. */
  unwrap(name: string, gcm: { iv: Buffer; aad: Buffer }, sealed: Buffer): Buffer | null
  close(): void
}

export function openToken({ tokenDir, library }: { tokenDir: string; library: string }, pin: string): Token {
  mkdirSync(`${tokenDir}/objects`, { recursive: true, mode: 0o700 })
  chmodSync(tokenDir, 0o700)
  writeFileSync(`${tokenDir}/softhsm2.conf`, `directories.tokendir = ${tokenDir}/objects\nobjectstore.backend = file\nslots.removable = false\nlog.level = ERROR\n`, { mode: 0o600 })
  // The library's own way to be told; it is read once, when it initialises. Other modules ignore it.
  process.env['SOFTHSM2_CONF'] = `${tokenDir}/softhsm2.conf`
  const pkcs11 = loadCryptoki(library)
  pkcs11.initialize()
  const session = openSession(pkcs11, pin)

  const label = (object: Handle) => pkcs11.attribute(session, object, CKA.LABEL).toString('utf8')
  const find = (kind: bigint, name?: string) => pkcs11.findObjects(session, [[CKA.CLASS, kind], [CKA.TOKEN, true], ...(name === undefined ? [] : [[CKA.LABEL, Buffer.from(name)] satisfies Attribute])])
  const signing = new Map<string, { publicHandle: Handle; privateHandle: Handle; signWith: Handle; publicKey: PublicJwk }>()
  const wrapping = new Map(find(CKO.SECRET_KEY).map((handle) => [label(handle), handle]))
  const publicHandles = new Map(find(CKO.PUBLIC_KEY).map((handle) => [label(handle), handle]))
  for (const privateHandle of find(CKO.PRIVATE_KEY)) {
    const name = label(privateHandle)
    const publicHandle = publicHandles.get(name)
    publicHandles.delete(name)
    // Half a pair is what a crash left of one being made or destroyed: nobody was told of it, or nobody wants it.
    if (publicHandle === undefined) pkcs11.destroyObject(session, privateHandle)
    else signing.set(name, { publicHandle, privateHandle, signWith: sessionCopy(privateHandle), publicKey: publicJwk(publicHandle) })
  }
  for (const orphan of publicHandles.values()) pkcs11.destroyObject(session, orphan)

  /** CKA_EC_POINT: an OCTET STRING around the uncompressed point. */
  function publicJwk(object: Handle): PublicJwk {
    const point = pkcs11.attribute(session, object, CKA.EC_POINT)
    if (point.length !== 67 || point.readUInt32BE(0) >>> 8 !== 0x044104) throw new Error('the token holds a public key of another form')
    return { kty: 'EC', crv: 'P-256', x: point.toString('base64url', 3, 35), y: point.toString('base64url', 35) }
  }

  /**
   * The same key for this session alone, as private, sensitive and non-extractable as the one it copies: SoftHSM looks
   * at the token's files before each use of a key that is kept, which cost half of a signature. A module that makes no
   * copies signs with the key itself.
   */
  function sessionCopy(privateHandle: Handle): Handle {
    try {
      return pkcs11.copyObject(session, privateHandle, [[CKA.TOKEN, false]])
    } catch (error) {
      if (error instanceof CryptokiError) return privateHandle
      throw error
    }
  }

  function wrappingKey(name: string): Handle {
    let handle = wrapping.get(name)
    if (handle === undefined) {
      handle = pkcs11.generateAesKey(session, [[CKA.VALUE_LEN, 32n], [CKA.TOKEN, true], [CKA.PRIVATE, true], [CKA.SENSITIVE, true], [CKA.EXTRACTABLE, false], [CKA.ENCRYPT, true], [CKA.DECRYPT, true], [CKA.LABEL, Buffer.from(name)]])
      wrapping.set(name, handle)
    }
    return handle
  }

  return {
    ensureSigningKey(name) {
      const present = signing.get(name)
      if (present) return { publicKey: present.publicKey, isNew: false }
      const { publicKey: publicHandle, privateKey: privateHandle } = pkcs11.generateKeyPair(session,
        [[CKA.TOKEN, true], [CKA.PRIVATE, false], [CKA.VERIFY, true], [CKA.EC_PARAMS, P256], [CKA.LABEL, Buffer.from(name)]],
        [[CKA.TOKEN, true], [CKA.PRIVATE, true], [CKA.SENSITIVE, true], [CKA.EXTRACTABLE, false], [CKA.SIGN, true], [CKA.LABEL, Buffer.from(name)]])
      const publicKey = publicJwk(publicHandle)
      signing.set(name, { publicHandle, privateHandle, signWith: sessionCopy(privateHandle), publicKey })
      return { publicKey, isNew: true }
    },
    sign(name, digest) {
      const key = signing.get(name)
      return key && pkcs11.sign(session, key.signWith, digest)
    },
    destroySigningKey(name) {
      const key = signing.get(name)
      if (!key) return false
      signing.delete(name)
      if (key.signWith !== key.privateHandle) pkcs11.destroyObject(session, key.signWith)
      pkcs11.destroyObject(session, key.privateHandle)
      pkcs11.destroyObject(session, key.publicHandle)
      return true
    },
    signingKeys: () => new Map([...signing].map(([name, { publicKey }]) => [name, publicKey])),
    wrap: (name, gcm, plain) => pkcs11.encryptGcm(session, wrappingKey(name), gcm, plain),
    unwrap(name, gcm, sealed) {
      try {
        return pkcs11.decryptGcm(session, wrappingKey(name), gcm, sealed)
      } catch (error) {
        if (error instanceof CryptokiError) return null
        throw error
      }
    },
    close: () => pkcs11.finalize(),
  }
}

function openSession(pkcs11: ReturnType<typeof loadCryptoki>, pin: string): Handle {
  // The officer's PIN follows from the user's: it only serves to finish an initialisation that a crash cut short.
  const soPin = createHash('sha256').update(`security officer:${pin}`).digest('base64url')
  const tokens = () => pkcs11.slots().map((slot) => ({ slot, ...pkcs11.tokenInfo(slot) }))
  let slot = tokens().find((t) => t.isInitialized && t.label === TOKEN)?.slot
  if (slot === undefined) {
    const free = tokens().find((t) => !t.isInitialized)
    if (!free) throw new Error('the module has no token of ours and no free slot')
    pkcs11.initToken(free.slot, soPin, TOKEN)
    slot = tokens().find((t) => t.isInitialized && t.label === TOKEN)!.slot
  }
  const session = pkcs11.openSession(slot)
  try {
    pkcs11.login(session, 'user', pin)
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error
    if (error.ckr === CKR.PIN_INCORRECT) throw new Error('the PIN does not open this token: token folder and PIN belong together; npm run reset makes both anew')
    if (error.ckr !== CKR.USER_PIN_NOT_INITIALIZED) throw error
    pkcs11.login(session, 'so', soPin)
    pkcs11.initPin(session, pin)
    pkcs11.logout(session)
    pkcs11.login(session, 'user', pin)
  }
  return session
}
