/**
 * Events carry their producer's signature, so that neither the broker nor another producer can speak in its name (A5-b).
 *
 * A detached JWS (RFC 7515 Appendix F, ES256) over the exact body bytes, by the producer's data certificate, whose
 * chain stands in `x5c`. Judged at the event's own time: a certificate that has run out since does not spoil old events.
 */
import { createHash, sign, verify, X509Certificate } from 'node:crypto'
import { problem } from './problem.ts'

export const EventForged = problem('event-forged', 400, 'The event does not bear its producer\'s signature', 'Nothing to do: it is kept as a dead letter', 'EVENT-FORGED')

const FUTURE_MS = 60_000

/** `certificate` is a PEM chain, leaf first. */
export function signEvent(body: Buffer, key: string, certificate: string): string {
  const x5c = certificate.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)!.map((pem) => new X509Certificate(pem).raw.toString('base64'))
  const header = Buffer.from(JSON.stringify({ alg: 'ES256', x5c })).toString('base64url')
  const signature = sign('sha256', signingInput(header, body), { key, dsaEncoding: 'ieee-p1363' })
  return `${header}..${signature.toString('base64url')}`
}

/** Throws event-forged unless `producer` signed `body` with a certificate that was good at `time`. */
export function verifyEvent(body: Buffer, jws: string, expected: { producer: string; trustDomain: string; roots: string; time: Date; now: Date }): void {
  const refuse = (reason: string, cause?: unknown) => EventForged({ evidence: { reason }, cause })
  const [header, nothing, signature] = jws.split('.')
  if (!header || nothing !== '' || !signature || jws.length > 16_384) throw refuse('no detached signature')
  let leaf: X509Certificate, intermediate: X509Certificate
  try {
    const { alg, x5c } = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { alg: string; x5c: string[] }
    if (alg !== 'ES256' || x5c.length !== 2) throw new Error('algorithm or chain length')
    leaf = new X509Certificate(Buffer.from(x5c[0]!, 'base64'))
    intermediate = new X509Certificate(Buffer.from(x5c[1]!, 'base64'))
  } catch (cause) {
    throw refuse('unreadable signature header', cause)
  }
  const at = expected.time.getTime()
  if (!(at <= expected.now.getTime() + FUTURE_MS)) throw refuse('from the future')
  const roots = expected.roots.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)!.map((pem) => new X509Certificate(pem))
  const isChained = !leaf.ca && intermediate.ca && leaf.checkIssued(intermediate) && leaf.verify(intermediate.publicKey) &&
    roots.some((root) => intermediate.checkIssued(root) && intermediate.verify(root.publicKey))
  if (!isChained) throw refuse('certificate does not chain to the mesh root')
  if ([leaf, intermediate].some((c) => at < c.validFromDate.getTime() - FUTURE_MS || at > c.validToDate.getTime())) throw refuse('certificate was not valid when the event was made')
  const uris = (leaf.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'))
  if (uris.length !== 1 || uris[0] !== `URI:spiffe://${expected.trustDomain}/data/${expected.producer}`) throw refuse('signed by another workload')
  if (!verify('sha256', signingInput(header, body), { key: leaf.publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))) throw refuse('signature does not fit the body')
}

/** The body's hash stands in for it: bodies may be large, and base64 of them twice as large. */
const signingInput = (header: string, body: Buffer) => Buffer.from(`${header}.${createHash('sha256').update(body).digest('base64url')}`)
