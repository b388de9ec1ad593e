import { timingSafeEqual } from 'node:crypto'
import { InputInvalid } from '@shop/chassis/problem.ts'
import type { EdgeCall } from '../edge/call.ts'
import { CrossSite } from '../edge/problems.ts'
import type { Sessions } from '../edge/sessions/sessions.ts'
import type { Step } from '../pipeline.ts'

const FORM = 'application/x-www-form-urlencoded'
const FORM_LIMIT = 16_384

/**
 * Nobody rides a session from another site (S10.1, T1): Fetch Metadata and Origin say where a request was made, a token
 * bound to the session proves that its page could read our pages. Another port of this host is another site to us.
 * @see https://www.w3.org/TR/fetch-metadata/ and https://web.dev/articles/fetch-metadata
 */
export const requireSameOrigin = (sessions: Pick<Sessions, 'csrfToken'>): Step<EdgeCall> => (call) => {
  const isSafe = call.method === 'GET'
  const isProvider = call.target?.kind === 'operation' && call.target.operation.spec['x-audience'] === 'provider'
  const site = call.header('sec-fetch-site')
  const origin = call.header('origin')
  if (isProvider) {
    if (site !== undefined || origin !== undefined) throw CrossSite({ evidence: { reason: 'a browser at the provider’s address' } })
  } else if (isSafe) {
    // Following a link from elsewhere is fine; being loaded, framed or fetched by another site is not.
    const isLink = call.header('sec-fetch-mode') === 'navigate' && call.header('sec-fetch-dest') === 'document'
    if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isLink) throw CrossSite({ evidence: { reason: `${site} read` } })
    if (origin !== undefined && origin !== call.door.origin && !isLink) throw CrossSite({ evidence: { reason: 'foreign origin' } })
  } else {
    if (origin !== call.door.origin) throw CrossSite({ evidence: { reason: origin === undefined ? 'no origin' : 'foreign origin' } })
    if (site !== undefined && site !== 'same-origin') throw CrossSite({ evidence: { reason: `${site} write` } })
    return requireToken(call, sessions)
  }
}

async function requireToken(call: EdgeCall, sessions: Pick<Sessions, 'csrfToken'>): Promise<void> {
  if (isForm(call)) call.form = readForm(await call.body(FORM_LIMIT))
  const token = call.header('x-csrf-token') ?? call.form?.['_csrf']
  if (!call.session || !token || !isSame(token, sessions.csrfToken(call.session))) throw CrossSite({ evidence: { reason: 'token' } })
}

export const isForm = (call: EdgeCall) => call.header('content-type')?.split(';')[0]?.trim().toLowerCase() === FORM

function isSame(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}

/** Each field once, at most 64, UTF-8. */
function readForm(bytes: Buffer): Record<string, string> {
  const form: Record<string, string> = Object.create(null)
  const text = bytes.toString('latin1')
  const pairs = text === '' ? [] : text.split('&')
  if (pairs.length > 64) throw InputInvalid({ errors: [{ field: 'body', message: 'has too many fields' }] })
  for (const pair of pairs) {
    let name: string, value: string
    try {
      [name = '', value = ''] = pair.split(/=(.*)/s, 2).map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
    } catch {
      throw InputInvalid({ errors: [{ field: 'body', message: 'is not valid percent-encoded UTF-8' }] })
    }
    if (name in form) throw InputInvalid({ errors: [{ field: `body.${name.slice(0, 64)}`, message: 'stands more than once' }] })
    form[name] = value
  }
  return form
}
