/**
 * What one client may ask on its socket. The signer loads as little as it can: plain node:http and zod.
 *
 * `POST /keys {label}` → 200 {label, publicKey, isNew} · `GET /keys` → {keys} · `POST /keys/{label}/sign {digests}` →
 * {signatures}, in that order · `DELETE /keys/{label}` → 204 · `POST /seal {plaintext}` → {sealed} · `POST /unseal {sealed}` → {plaintext}
 */
import type { IncomingMessage, RequestListener } from 'node:http'
import type { Logger } from '@shop/chassis/log.ts'
import { BodyMalformed, BodyTooLarge, InputInvalid, Internal, MethodNotAllowed, OperationUnknown, problem, Problem, problemBody, PROBLEM_TYPE } from '@shop/chassis/problem.ts'
import { z } from 'zod'
import { seal, unseal } from './seal.ts'
import type { Token } from './token.ts'

export const KeyUnknown = problem('key-unknown', 404, 'You have no key of this label', 'Make it first', 'ACE3')
export const SealBroken = problem('seal-broken', 422, 'This value was not sealed for you, or was changed', 'Seal it anew', 'CONFIG-TAMPER')
export const KeysExhausted = problem('keys-exhausted', 409, 'You hold as many keys as one client may', 'Delete one that is not used any more', 'OVERLOAD')

const MAX_KEYS = 32
/** Of one request: so long the other clients wait. */
const MAX_DIGESTS = 32
const BODY_LIMIT_BYTES = 131_072

const label = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/)
const ensureBody = z.strictObject({ label })
/** SHA-256, base64url: 43 characters, of which the last carries four bits. */
const signBody = z.strictObject({ digests: z.array(z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/)).min(1).max(MAX_DIGESTS) })
const sealBody = z.strictObject({ plaintext: z.string().max(65_536) })
const unsealBody = z.strictObject({ sealed: z.string().max(131_072) })

type Answer = { status: number; body?: unknown }

/** `client` is the namespace: nothing in a request can leave it. */
export function createVaultApi(token: Token, client: string, log: Logger): RequestListener {
  const name = (of: string) => `${client}/${of}`
  const own = () => [...token.signingKeys()].filter(([n]) => n.startsWith(`${client}/`)).map(([n, publicKey]) => ({ label: n.slice(client.length + 1), publicKey }))

  const operations: Record<string, (body: unknown, label: string) => Answer> = {
    'POST /keys'(body) {
      const wanted = check(ensureBody, body).label
      if (own().length >= MAX_KEYS && !own().some((k) => k.label === wanted)) throw KeysExhausted()
      const { publicKey, isNew } = token.ensureSigningKey(name(wanted))
      if (isNew) log.info({ client, label: wanted }, 'key made')
      return { status: 200, body: { label: wanted, publicKey, isNew } }
    },
    'GET /keys': () => ({ status: 200, body: { keys: own() } }),
    'POST /keys/*/sign'(body, of) {
      const signatures = check(signBody, body).digests.map((digest) => {
        const signature = token.sign(name(of), Buffer.from(digest, 'base64url'))
        if (!signature) throw KeyUnknown()
        return signature.toString('base64url')
      })
      return { status: 200, body: { signatures } }
    },
    'DELETE /keys/*'(_body, of) {
      if (!token.destroySigningKey(name(of))) throw KeyUnknown()
      log.info({ client, label: of }, 'key deleted')
      return { status: 204 }
    },
    'POST /seal': (body) => ({ status: 200, body: { sealed: seal(token, client, check(sealBody, body).plaintext) } }),
    'POST /unseal'(body) {
      const plaintext = unseal(token, client, check(unsealBody, body).sealed)
      if (plaintext === null) throw SealBroken()
      return { status: 200, body: { plaintext } }
    },
  }

  return (req, res) => {
    void answer(req).catch((error: unknown): Answer => {
      const known = error instanceof Problem ? error : Internal({ cause: error })
      if (known.status >= 500) log.error({ err: error, client }, known.code)
      else log.warn({ client, code: known.code, detection: known.detection, errors: known.options.errors }, 'refused')
      res.setHeaders(new Map(Object.entries({ ...known.options.headers, 'content-type': PROBLEM_TYPE })))
      if (!req.complete) res.setHeader('connection', 'close')
      return { status: known.status, body: problemBody(known) }
    }).then(({ status, body }) => {
      if (body === undefined) return void res.writeHead(status).end()
      // With its length known the answer leaves in one piece.
      const text = JSON.stringify(body)
      if (!res.hasHeader('content-type')) res.setHeader('content-type', 'application/json')
      res.writeHead(status, { 'content-length': Buffer.byteLength(text) }).end(text)
    })
  }

  async function answer(req: IncomingMessage): Promise<Answer> {
    const at = /^\/keys\/([^/?]+)(\/sign)?$/.exec(req.url ?? '')
    const route = at ? `/keys/*${at[2] ?? ''}` : req.url
    const operation = Object.hasOwn(operations, `${req.method} ${route}`) ? operations[`${req.method} ${route}`] : undefined
    if (!operation) {
      const allow = Object.keys(operations).filter((o) => o.endsWith(` ${route}`)).map((o) => o.split(' ')[0])
      throw allow.length ? MethodNotAllowed({ headers: { allow: allow.join(', ') } }) : OperationUnknown()
    }
    return operation(await readJson(req), at ? check(label, at[1]) : '')
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const checked = schema.safeParse(value)
  if (!checked.success) throw InputInvalid({ errors: checked.error.issues.map((i) => ({ field: ['body', ...i.path].join('.'), message: i.message })) })
  return checked.data
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  await new Promise<void>((resolve, reject) => {
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= BODY_LIMIT_BYTES) return void chunks.push(chunk)
      req.pause()
      reject(BodyTooLarge())
    }).on('end', resolve).on('error', reject)
  })
  if (size === 0) return undefined
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    throw BodyMalformed({ cause })
  }
}
