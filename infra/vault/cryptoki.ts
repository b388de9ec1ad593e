/**
 * PKCS #11 calls through koffi: buffers in, buffers out, a refusal is an Error with its CKR number. No policy here.
 *
 * Layouts are those of a 64-bit Unix: CK_ULONG and pointers of 8 bytes, no packing.
 * @see https://docs.oasis-open.org/pkcs11/pkcs11-base/v2.40/pkcs11-base-v2.40.html
 */
import koffi from 'koffi'

export const CKA = { CLASS: 0x0, TOKEN: 0x1, PRIVATE: 0x2, LABEL: 0x3, KEY_TYPE: 0x100, SENSITIVE: 0x103, ENCRYPT: 0x104, DECRYPT: 0x105, SIGN: 0x108, VERIFY: 0x10a, VALUE: 0x11, VALUE_LEN: 0x161, EXTRACTABLE: 0x162, EC_PARAMS: 0x180, EC_POINT: 0x181 } as const
export const CKO = { PUBLIC_KEY: 2n, PRIVATE_KEY: 3n, SECRET_KEY: 4n } as const
export const CKM = { EC_KEY_PAIR_GEN: 0x1040, ECDSA: 0x1041, AES_KEY_GEN: 0x1080, AES_GCM: 0x1087 } as const
export const CKR = { SENSITIVE: 0x11, PIN_INCORRECT: 0xa0, USER_PIN_NOT_INITIALIZED: 0x102 } as const

export class CryptokiError extends Error {
  readonly ckr: number
  constructor(name: string, ckr: number) {
    super(`${name}: 0x${ckr.toString(16)}`)
    this.ckr = ckr
  }
}

export type Attribute = [type: number, value: boolean | bigint | Buffer]
export type Handle = bigint

const ulong = (value: number | bigint = 0): Buffer => {
  const b = Buffer.alloc(8)
  b.writeBigUInt64LE(BigInt(value))
  return b
}

/** CK_ATTRIBUTE records; `values` must stay referenced until the call returns. */
function template(attributes: Attribute[]): { records: Buffer; values: Buffer[] } {
  const values = attributes.map(([, v]) => (typeof v === 'boolean' ? Buffer.from([v ? 1 : 0]) : typeof v === 'bigint' ? ulong(v) : v))
  return { records: Buffer.concat(attributes.flatMap(([type], i) => [ulong(type), ulong(koffi.address(values[i]!)), ulong(values[i]!.length)])), values }
}

/** CK_MECHANISM, for AES-GCM with its parameters (CK_GCM_PARAMS). */
function mechanism(type: number, gcm?: { iv: Buffer; aad: Buffer }): { record: Buffer; values: Buffer[] } {
  if (!gcm) return { record: Buffer.concat([ulong(type), ulong(), ulong()]), values: [] }
  const params = Buffer.concat([ulong(koffi.address(gcm.iv)), ulong(gcm.iv.length), ulong(gcm.iv.length * 8), ulong(gcm.aad.length ? koffi.address(gcm.aad) : 0), ulong(gcm.aad.length), ulong(128)])
  return { record: Buffer.concat([ulong(type), ulong(koffi.address(params)), ulong(params.length)]), values: [params, gcm.iv, gcm.aad] }
}

const ECDSA = mechanism(CKM.ECDSA).record

export type Cryptoki = ReturnType<typeof loadCryptoki>

export function loadCryptoki(library: string) {
  const lib = koffi.load(library)
  const bind = (name: string, signature: string[]) => {
    const call = lib.func(name, 'ulong', signature)
    return (...args: unknown[]): void => {
      const ckr = Number(call(...args))
      if (ckr !== 0) throw new CryptokiError(name, ckr)
    }
  }
  const P = 'void *', U = 'ulong'
  const C = {
    initialize: bind('C_Initialize', [P]), finalize: bind('C_Finalize', [P]),
    getSlotList: bind('C_GetSlotList', ['uint8', P, P]), getTokenInfo: bind('C_GetTokenInfo', [U, P]),
    initToken: bind('C_InitToken', [U, P, U, P]), initPin: bind('C_InitPIN', [U, P, U]),
    openSession: bind('C_OpenSession', [U, U, P, P, P]), login: bind('C_Login', [U, U, P, U]), logout: bind('C_Logout', [U]),
    generateKeyPair: bind('C_GenerateKeyPair', [U, P, P, U, P, U, P, P]), generateKey: bind('C_GenerateKey', [U, P, P, U, P]),
    findInit: bind('C_FindObjectsInit', [U, P, U]), find: bind('C_FindObjects', [U, P, U, P]), findFinal: bind('C_FindObjectsFinal', [U]),
    getAttribute: bind('C_GetAttributeValue', [U, U, P, U]), copyObject: bind('C_CopyObject', [U, U, P, U, P]), destroyObject: bind('C_DestroyObject', [U, U]),
    signInit: bind('C_SignInit', [U, P, U]), sign: bind('C_Sign', [U, P, U, P, P]),
    encryptInit: bind('C_EncryptInit', [U, P, U]), encrypt: bind('C_Encrypt', [U, P, U, P, P]),
    decryptInit: bind('C_DecryptInit', [U, P, U]), decrypt: bind('C_Decrypt', [U, P, U, P, P]),
  }
  /** Two-step calls: room for the answer, and how much of it was used. */
  const filled = (call: (out: Buffer, length: Buffer) => void, room: number): Buffer => {
    const out = Buffer.alloc(room), length = ulong(room)
    call(out, length)
    return out.subarray(0, Number(length.readBigUInt64LE()))
  }
  const handle = (call: (out: Buffer) => void): Handle => {
    const out = ulong()
    call(out)
    return out.readBigUInt64LE()
  }
  return {
    initialize: () => C.initialize(null),
    finalize: () => C.finalize(null),
    slots(): Handle[] {
      const list = Buffer.alloc(8 * 64), count = ulong(64)
      C.getSlotList(1, list, count)
      return Array.from({ length: Number(count.readBigUInt64LE()) }, (_, i) => list.readBigUInt64LE(8 * i))
    },
    /** CK_TOKEN_INFO: label of 32 bytes, flags at 96. */
    tokenInfo(slot: Handle): { label: string; isInitialized: boolean } {
      const info = Buffer.alloc(256)
      C.getTokenInfo(slot, info)
      return { label: info.toString('utf8', 0, 32).trimEnd(), isInitialized: (info.readBigUInt64LE(96) & 0x400n) !== 0n }
    },
    initToken: (slot: Handle, soPin: string, label: string) => C.initToken(slot, Buffer.from(soPin), Buffer.byteLength(soPin), Buffer.from(label.padEnd(32))),
    initPin: (session: Handle, pin: string) => C.initPin(session, Buffer.from(pin), Buffer.byteLength(pin)),
    openSession: (slot: Handle): Handle => handle((out) => C.openSession(slot, 6, null, null, out)),
    login: (session: Handle, user: 'so' | 'user', pin: string) => C.login(session, user === 'so' ? 0 : 1, Buffer.from(pin), Buffer.byteLength(pin)),
    logout: (session: Handle) => C.logout(session),
    generateKeyPair(session: Handle, publicTemplate: Attribute[], privateTemplate: Attribute[]): { publicKey: Handle; privateKey: Handle } {
      const pub = template(publicTemplate), priv = template(privateTemplate), publicKey = ulong(), privateKey = ulong()
      C.generateKeyPair(session, mechanism(CKM.EC_KEY_PAIR_GEN).record, pub.records, pub.values.length, priv.records, priv.values.length, publicKey, privateKey)
      return { publicKey: publicKey.readBigUInt64LE(), privateKey: privateKey.readBigUInt64LE() }
    },
    generateAesKey(session: Handle, attributes: Attribute[]): Handle {
      const { records, values } = template(attributes)
      return handle((out) => C.generateKey(session, mechanism(CKM.AES_KEY_GEN).record, records, values.length, out))
    },
    findObjects(session: Handle, attributes: Attribute[]): Handle[] {
      const { records, values } = template(attributes), found: Handle[] = []
      C.findInit(session, records, values.length)
      try {
        for (;;) {
          const list = Buffer.alloc(8 * 64), count = ulong()
          C.find(session, list, 64, count)
          const n = Number(count.readBigUInt64LE())
          if (n === 0) return found
          for (let i = 0; i < n; i++) found.push(list.readBigUInt64LE(8 * i))
        }
      } finally {
        C.findFinal(session)
      }
    },
    attribute(session: Handle, object: Handle, type: number): Buffer {
      const { records, values } = template([[type, Buffer.alloc(256)]])
      C.getAttribute(session, object, records, 1)
      return values[0]!.subarray(0, Number(records.readBigUInt64LE(16)))
    },
    destroyObject: (session: Handle, object: Handle) => C.destroyObject(session, object),
    /** An object like it with other attributes. */
    copyObject(session: Handle, object: Handle, attributes: Attribute[]): Handle {
      const { records, values } = template(attributes)
      return handle((out) => C.copyObject(session, object, records, values.length, out))
    },
    sign(session: Handle, key: Handle, digest: Buffer): Buffer {
      C.signInit(session, ECDSA, key)
      return filled((out, length) => C.sign(session, digest, digest.length, out, length), 64)
    },
    /** Ciphertext with its 16-byte tag behind it. */
    encryptGcm(session: Handle, key: Handle, gcm: { iv: Buffer; aad: Buffer }, plain: Buffer): Buffer {
      const { record, values } = mechanism(CKM.AES_GCM, gcm)
      C.encryptInit(session, record, key)
      const sealed = filled((out, length) => C.encrypt(session, plain, plain.length, out, length), plain.length + 16)
      values.length = 0 // until here the record points into them
      return sealed
    },
    decryptGcm(session: Handle, key: Handle, gcm: { iv: Buffer; aad: Buffer }, sealed: Buffer): Buffer {
      const { record, values } = mechanism(CKM.AES_GCM, gcm)
      C.decryptInit(session, record, key)
      const plain = filled((out, length) => C.decrypt(session, sealed, sealed.length, out, length), sealed.length)
      values.length = 0
      return plain
    },
  }
}
