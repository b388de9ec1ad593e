/** The endpoints, and the one place where a refusal becomes an answer and an event. */
import { randomUUID } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { ApiCall, ApiHandlers } from '@shop/chassis/control-api.ts'
import { isSignedBy, parseJws } from '@shop/chassis/jws.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { readNarrowClaims } from '@shop/chassis/narrow-claims.ts'
import { Internal, Problem, problemBody } from '@shop/chassis/problem.ts'
import { detailOf, type Report } from '@shop/chassis/security-event.ts'
import { peerOf } from '@shop/chassis/tls.ts'
import { parseTraceparent } from '@shop/chassis/trace.ts'
import type { AskAccess } from './ask-access.ts'
import { decide, ownSubject, type CallerPeer, type Structure } from './decide.ts'
import { Refusal, refusalBody } from './refusal.ts'
import type { SigningKeys } from './signing-keys.ts'
import { readSubjectToken, type Issuers } from './subject-token.ts'
import { ACCESS_TOKEN, readForm, readTokenRequest, type TokenRequest } from './token-request.ts'

/** What an issue goes through, in this order. A composition other than production's may bring another one. */
export const steps = { peerOf, readTokenRequest, readSubjectToken, decide }
export type Steps = typeof steps

/** A form, who sent it, and for which request. */
type Asked = { form: string; caller: CallerPeer; traceId: string | undefined }
type Answered = { status: number; body: object; headers?: Record<string, string> }

export type ExchangeParts = {
  structure: Structure
  issuers: Issuers
  keys: SigningKeys
  askAccess: AskAccess
  /** True for the first use of a token. */
  redeem(jti: string, exp: number): Promise<boolean>
  log: Logger
  report: Report
  /** Milliseconds since the epoch. */
  now(): number
  steps?: Steps
}

/** Which control a refusal is booked under, by its code: as the lab knows them. */
const CONTROLS: [RegExp, { name: string; strategies: string[] }][] = [
  [/^token-used$/, { name: 'single-use', strategies: ['S1.1'] }],
  [/^subject-(?!not-allowed$)|^token-/, { name: 'subject-token', strategies: ['S12.5'] }],
  [/^actor-/, { name: 'actor-from-certificate', strategies: ['S12.5'] }],
  [/^policy-/, { name: 'access', strategies: ['S2.1', 'S2.3'] }],
  [/^peer-unknown$/, { name: 'verify-peer', strategies: ['S4.2'] }],
]
export const controlOf = (code: string) => CONTROLS.find(([codes]) => codes.test(code))?.[1] ?? { name: 'narrowing', strategies: ['S12.5', 'S2.5'] }

export function exchangeHandlers(d: ExchangeParts): ApiHandlers {
  const { trustDomain } = d.structure
  const { peerOf, readTokenRequest, readSubjectToken, decide } = d.steps ?? steps
  const seconds = () => Math.floor(d.now() / 1000)

  async function issue(request: TokenRequest, caller: CallerPeer): Promise<Answered> {
    const { subjectToken, guest } = request
    const subject = subjectToken === undefined ? ownSubject(caller, guest) : await readSubjectToken(subjectToken, caller, d.issuers, d.now() / 1000)
    const wanted = { ...request, subject }
    const narrow = decide(wanted, caller, d.structure, seconds())
    await d.askAccess(wanted, caller)
    const token = await d.keys.sign({ ...narrow, txn: narrow.txn ?? randomUUID(), jti: randomUUID() })
    return { status: 200, body: { access_token: token, issued_token_type: ACCESS_TOKEN, token_type: 'Bearer', expires_in: narrow.exp - narrow.iat } }
  }

  async function redeem(form: string, caller: CallerPeer): Promise<Answered> {
    const parameters = readForm(form)
    const token = parameters.get('token')
    if (token === undefined || parameters.size !== 1) throw new Refusal('invalid_request', 'token', 'The form has one parameter, token')
    const jws = parseJws(token)
    const claims = jws ? readNarrowClaims(jws, { trustDomain, audience: caller.spiffeId }, seconds()) : 'malformed'
    if (typeof claims === 'string') throw new Refusal('invalid_grant', `token-${claims}`, 'The token is not valid for this caller')
    const key = await d.keys.verifying.key(jws!.kid)
    if (!key || !isSignedBy(jws!, key)) throw new Refusal('invalid_grant', 'token-signature', 'The token is not valid for this caller')
    if (!(await d.redeem(claims.jti, claims.exp))) throw new Refusal('token_used', 'token-used', 'This token was already used')
    return { status: 200, body: {} }
  }

  function callerOf(call: ApiCall): CallerPeer {
    try {
      return peerOf(call.req.socket as TLSSocket, trustDomain)
    } catch (error) {
      if (error instanceof Problem) error.control = controlOf(error.code)
      throw error
    }
  }

  const askedBy = (call: ApiCall): Asked => ({ caller: callerOf(call), form: (call.body as string | undefined) ?? '', traceId: call.traceId })

  /** What the caller asked for goes into the event only when it has the shape of a name. */
  async function refusing({ form, caller, traceId }: Asked, work: (form: string, caller: CallerPeer) => Promise<Answered>): Promise<Answered> {
    try {
      return await work(form, caller)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const about = { code: error.code, subject: caller.spiffeId, traceId, operation: operationOf(form) }
      if (error.status === 503) d.log.error({ err: error, ...about }, 'cannot decide')
      else {
        d.log.info(about, 'refused')
        const { name, strategies } = controlOf(error.code)
        const known = Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined)) as typeof about
        d.report({ detection: 'EXCHANGE-DENY', control: name, strategies, severity: 'high', ...known, reason: error.error })
      }
      return { status: error.status, body: refusalBody(error), headers: error.status === 503 ? { 'retry-after': '1' } : {} }
    }
  }

  const issueOne = (asked: Asked) => refusing(asked, (form, caller) => issue(readTokenRequest(form), caller))

  /** Of one form among others: what nobody foresaw is told, and answered, as the API does for one that came alone. */
  function failed(error: unknown, { form, caller, traceId }: Asked): Answered {
    const problem = error instanceof Problem ? error : Internal({ cause: error })
    problem.control = controlOf(problem.code)
    const about = { subject: caller.spiffeId, operation: operationOf(form), traceId }
    d.log.error({ err: error, ...about }, problem.code)
    const detail = detailOf(problem, about)
    if (detail) d.report(detail)
    return { status: problem.status, body: problemBody(problem, traceId) }
  }

  return {
    token: (call) => issueOne(askedBy(call)),
    /** Each as if it came alone: judged, signed, refused and reported for itself; what goes wrong with one spoils no other. */
    async tokens(call) {
      const caller = callerOf(call)
      const { requests } = call.body as { requests: { form: string; traceparent?: string }[] }
      const answers = await Promise.all(requests.map(({ form, traceparent }) => {
        const asked = { form, caller, traceId: parseTraceparent(traceparent)?.traceId }
        return issueOne(asked).catch((error: unknown) => failed(error, asked))
      }))
      return { status: 200, body: { answers: answers.map(({ status, body }) => ({ status, body })) } }
    },
    redeem: (call) => refusing(askedBy(call), redeem),
    getKeys(call) {
      callerOf(call)
      return { status: 200, body: d.keys.published() }
    },
  }
}

function operationOf(form: string): string | undefined {
  const parameters = new URLSearchParams(form)
  const name = `${parameters.get('audience') ?? ''}.${parameters.get('scope') ?? ''}`
  return /^[a-z0-9-]{1,63}\.[A-Za-z0-9]{1,64}$/.test(name) ? name : undefined
}
