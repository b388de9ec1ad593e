/** The steps of a sign-in that belong to the person: password or certificate, registration, or turning back. */
import { createHmac } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { MethodNotAllowed, NotFound, Problem, problem } from '@shop/chassis/problem.ts'
import type { Provider } from 'oidc-provider'
import { canonicalName, type Account, type Accounts } from './accounts.ts'
import type { Bearer } from './client-certificate.ts'
import { addressOf } from './events.ts'
import { formToken, readForm } from './form.ts'
import type { Pages } from './pages.ts'
import { errors } from './provider-library.ts'
import type { Throttle } from './throttle.ts'

export const InteractionUnknown = problem('interaction-unknown', 400, 'This sign-in is over or belongs to another browser', 'Go back to the shop and sign in again')
export const CertificateRefused = problem('certificate-refused', 400, 'No usable certificate came with this connection', 'Choose your certificate when the browser asks, or sign in with your password', 'AE2')

export type InteractionParts = {
  provider(): Provider
  accounts: Accounts
  throttle: Throttle
  pages: Pages
  csrfKey: Buffer
  bearerOf(socket: TLSSocket): Bearer | null
  /** A refusal that the page itself shows is reported here. `credential` joins events about one account. */
  onRefused(problem: Problem, req: IncomingMessage, credential: string): void
}

const PATH = /^\/interaction\/([\w-]{20,64})(?:\/(login|certificate|register|abort))?$/

/** Answers every path below /interaction/. Throws what the page does not show itself. */
export function createInteractions({ provider, accounts, throttle, pages, csrfKey, bearerOf, onRefused }: InteractionParts) {
  return async function interact(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    const [, uid, step = 'show'] = PATH.exec(path) ?? []
    if (!uid) throw NotFound()
    const allow = step === 'show' ? 'GET' : step === 'register' ? 'GET, POST' : 'POST'
    if (!allow.split(', ').includes(req.method ?? '')) throw MethodNotAllowed({ headers: { allow } })
    const interaction = await provider().interactionDetails(req, res).catch((cause: unknown) => {
      throw cause instanceof errors.SessionNotFound ? InteractionUnknown({ cause }) : cause
    })
    if (interaction.uid !== uid || interaction.prompt.name !== 'login') throw InteractionUnknown()
    const csrf = formToken(csrfKey, uid)
    const bearer = bearerOf(req.socket as TLSSocket)
    const source = addressOf(req)
    const send = (status: number, page: string, headers: Record<string, string> = {}) => void res.writeHead(status, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(page)
    const showLogin = (status: number, view: { username?: string; error?: string; notice?: string }, headers?: Record<string, string>) =>
      send(status, pages.login({ uid, csrf, hasCertificate: bearer?.kind === 'person', ...view }), headers)
    const finish = (account: Account, amr: string) =>
      provider().interactionFinished(req, res, { login: { accountId: account.id, amr: [amr], remember: false } }, { mergeWithLastSubmission: false })

    /** The page shows what a person can mend; all else is for the rim. */
    async function shown(username: string, work: () => Promise<void>, show: (p: Problem) => void): Promise<void> {
      try {
        await work()
      } catch (error) {
        if (!(error instanceof Problem) || error.status >= 500) throw error
        onRefused(error, req, createHmac('sha256', csrfKey).update(canonicalName(username)).digest('base64url').slice(0, 22))
        show(error)
      }
    }

    if (step === 'show') {
      const hint = interaction.params['login_hint']
      return showLogin(200, typeof hint === 'string' ? { username: hint.slice(0, 64) } : {})
    }
    if (step === 'register' && req.method === 'GET') return send(200, pages.register({ uid, csrf, values: { username: '', name: '', email: '' }, errors: [] }))
    if (step === 'abort') {
      await readForm(req, [], csrf)
      return provider().interactionFinished(req, res, { error: 'access_denied', error_description: 'The person went back' }, { mergeWithLastSubmission: false })
    }
    if (step === 'login') {
      const { username, password } = await readForm(req, ['username', 'password'] as const, csrf)
      return shown(username, async () => {
        await throttle.attempt(canonicalName(username), source)
        const account = await accounts.signIn(username, password)
        await throttle.succeeded(canonicalName(username), source)
        await finish(account, 'pwd')
      }, (p) => showLogin(p.status, { username: username.slice(0, 64), error: `${p.title}. ${p.advice}.` }, p.options.headers))
    }
    if (step === 'certificate') {
      await readForm(req, [], csrf)
      const name = bearer?.kind === 'person' ? bearer.name : ''
      return shown(name, async () => {
        const account = name ? await accounts.findCertified(name) : undefined
        if (!account) throw CertificateRefused()
        await finish(account, 'swk') // proof of possession of a software key (RFC 8176)
      }, (p) => showLogin(p.status, { error: `${p.title}. ${p.advice}.` }))
    }
    const form = await readForm(req, ['username', 'name', 'email', 'password'] as const, csrf)
    return shown(form.username, async () => {
      await throttle.registration(source)
      await accounts.register(form)
      showLogin(200, { username: canonicalName(form.username), notice: 'Thank you. Now sign in with your new account. If that fails, the username or the e-mail address was taken: choose another.' })
    }, (p) => send(p.status, pages.register({ uid, csrf, values: form, errors: p.options.errors ?? [], ...(!p.options.errors && { error: `${p.title}. ${p.advice}.` }) }), p.options.headers))
  }
}
