/** The few lines of DER that we write ourselves: a certificate request, and extensions without a class of their own. */

/** One tag-length-value (ITU-T X.690 §8.1, §10.1). */
export function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const length = content.length < 0x80 ? [content.length] : content.length < 0x100 ? [0x81, content.length] : [0x82, content.length >> 8, content.length & 0xff]
  if (content.length > 0xffff) throw new RangeError('too long for this encoder')
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

export const pem = (label: string, bytes: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END ${label}-----\n`

/** PEM blocks of one kind, in order. */
export const pemBlocks = (label: string, text: string): string[] =>
  (text.match(new RegExp(`-----BEGIN ${label}-----[A-Za-z0-9+/=\\s]+-----END ${label}-----`, 'g')) ?? []).map((block) => `${block}\n`)
