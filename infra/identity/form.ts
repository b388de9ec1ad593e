/** HTML form posts, read strictly: known fields once each, small, from this very page (S11.1; WSTG-SESS-05). */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { BodyTooLarge, InputInvalid, MediaTypeUnsupported, ParameterUnexpected, problem } from '@shop/chassis/problem.ts'

export const FormForged = problem('form-forged', 403, 'This form did not come from our page', 'Open the page again and repeat', 'CSRF')

const LIMIT_BYTES = 8_192

/** Missing fields are ''. Throws media-type-unsupported, body-too-large, parameter-unexpected, input-invalid, form-forged. */
export async function readForm<Name extends string>(req: IncomingMessage, names: readonly Name[], csrf: string): Promise<Record<Name, string>> {
  const site = req.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') throw FormForged({ evidence: { reason: `sec-fetch-site ${String(site).slice(0, 32)}` } })
  if (!/^application\/x-www-form-urlencoded(;\s*charset=utf-8)?$/i.test(req.headers['content-type'] ?? '')) throw MediaTypeUnsupported({ detail: 'Send application/x-www-form-urlencoded' })
  const chunks: Buffer[] = []
  let size = 0
  // Leaving the loop must not end the connection before the refusal is sent.
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LIMIT_BYTES) throw BodyTooLarge()
    chunks.push(chunk)
  }
  const fields = new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
  const known = new Set<string>(['_csrf', ...names])
  const unknown = [...new Set(fields.keys())].filter((name) => !known.has(name))
  if (unknown.length) throw ParameterUnexpected({ errors: unknown.slice(0, 20).map((name) => ({ field: `body.${name.slice(0, 64)}`, message: 'is not known here' })) })
  const twice = [...known].filter((name) => fields.getAll(name).length > 1)
  if (twice.length) throw InputInvalid({ errors: twice.map((name) => ({ field: `body.${name}`, message: 'stands more than once' })) })
  const broken = names.filter((name) => /[\u0000\ufffd]/.test(fields.get(name) ?? ''))
  if (broken.length) throw InputInvalid({ errors: broken.map((name) => ({ field: `body.${name}`, message: 'holds characters that are no text' })) })
  const given = Buffer.from(fields.get('_csrf') ?? '')
  const expected = Buffer.from(csrf)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw FormForged({ evidence: { reason: 'token' } })
  return Object.fromEntries(names.map((name) => [name, fields.get(name) ?? ''])) as Record<Name, string>
}

/** A form's token: worth something for this interaction alone, whose id is the signed interaction cookie's value. */
export const formToken = (key: Buffer, uid: string): string => createHmac('sha256', key).update(uid).digest('base64url')
