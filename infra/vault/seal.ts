/**
 * Envelope encryption in JWE's compact form: a fresh data key a value, wrapped by a key that never leaves the token.
 * @see https://www.rfc-editor.org/rfc/rfc7518#section-4.7 A256GCMKW
 * @see https://www.rfc-editor.org/rfc/rfc7516#section-5
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Token } from './token.ts'

const NO_AAD = Buffer.alloc(0)
const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

export function seal(token: Token, wrappingKey: string, plaintext: string): string {
  const dataKey = randomBytes(32), keyIv = randomBytes(12), iv = randomBytes(12)
  const wrapped = token.wrap(wrappingKey, { iv: keyIv, aad: NO_AAD }, dataKey)
  const header = b64(Buffer.from(JSON.stringify({ alg: 'A256GCMKW', enc: 'A256GCM', iv: b64(keyIv), tag: b64(wrapped.subarray(32)) })))
  const cipher = createCipheriv('aes-256-gcm', dataKey, iv).setAAD(Buffer.from(header))
  const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
  dataKey.fill(0)
  return [header, b64(wrapped.subarray(0, 32)), b64(iv), b64(ciphertext), b64(cipher.getAuthTag())].join('.')
}

/** Null when it was sealed under another key or changed in any bit. */
export function unseal(token: Token, wrappingKey: string, sealed: string): string | null {
  const parts = sealed.split('.').map((part) => Buffer.from(part, 'base64url'))
  const [headerBytes, encryptedKey, iv, ciphertext, tag] = parts
  if (parts.length !== 5 || parts.map(b64).join('.') !== sealed || encryptedKey!.length !== 32 || iv!.length !== 12 || tag!.length !== 16) return null
  const header = readHeader(headerBytes!)
  if (!header) return null
  const dataKey = token.unwrap(wrappingKey, { iv: header.iv, aad: NO_AAD }, Buffer.concat([encryptedKey!, header.tag]))
  if (dataKey?.length !== 32) return null
  try {
    const decipher = createDecipheriv('aes-256-gcm', dataKey, iv!).setAAD(Buffer.from(sealed.slice(0, sealed.indexOf('.')))).setAuthTag(tag!)
    return Buffer.concat([decipher.update(ciphertext!), decipher.final()]).toString('utf8')
  } catch {
    return null
  } finally {
    dataKey.fill(0)
  }
}

function readHeader(bytes: Buffer): { iv: Buffer; tag: Buffer } | null {
  try {
    const { alg, enc, iv, tag } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
    if (alg !== 'A256GCMKW' || enc !== 'A256GCM' || typeof iv !== 'string' || typeof tag !== 'string') return null
    const header = { iv: Buffer.from(iv, 'base64url'), tag: Buffer.from(tag, 'base64url') }
    return header.iv.length === 12 && header.tag.length === 16 ? header : null
  } catch {
    return null
  }
}
