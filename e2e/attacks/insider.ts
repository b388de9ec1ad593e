/** Someone who holds a workload's mesh identity: what `npm run lab -- as NAME` gives, and nothing more. */
import { createHash, X509Certificate } from 'node:crypto'
import { Agent, fetch } from 'undici'
import * as oauth from 'oauth4webapi'
import { ca, endpoints, freshAddress, Visitor } from '../shop.ts'
import { command } from './commands.ts'

export type Held = {
  key: string; certificate: string; roots: string
  /** Of its database role and broker user. */
  data?: { key: string; certificate: string }
  places: { spiffeId: string; trustDomain: string; exchange: string; registry: string; access: string; monitor: string; consulToken: string; /** Registry and registrar alone: how they are known at Consul. */ consul?: { servers: string[]; ca: string; certificate: string; key: string } }
}

/** Printed by the held command, so that nothing of it stays on disk. */
const PRINT = `const fs = require('node:fs'), at = (name) => fs.readFileSync(process.env.SHOP_HELD + '/' + name, 'utf8')
const data = fs.existsSync(process.env.SHOP_HELD + '/data-key.pem') ? { key: at('data-key.pem'), certificate: at('data-certificate.pem') } : undefined
process.stdout.write('HELD' + JSON.stringify({ key: at('key.pem'), certificate: at('certificate.pem'), roots: at('roots.pem'), data, places: JSON.parse(at('places.json')) }))`

export type MeshAnswer = { status: number; text: string; json: any }

export class Insider {
  readonly workload: string
  readonly held: Held
  readonly address = freshAddress()
  readonly #agent: Agent

  constructor(workload: string, held: Held) {
    this.workload = workload
    this.held = held
    // Who answers is not our concern here: an attacker takes what it gets.
    this.#agent = new Agent({ localAddress: this.address, connect: { key: held.key, cert: held.certificate, ca: held.roots, family: 4, checkServerIdentity: () => undefined }, keepAliveTimeout: 4_000 })
  }

  get spiffeId(): string { return this.held.places.spiffeId }
  get thumbprint(): string { return createHash('sha256').update(new X509Certificate(this.held.certificate).raw).digest('base64url') }

  /** The same party with the certificate of its stores in place of the mesh's. Close it yourself. */
  withDataCertificate(): Insider {
    if (!this.held.data) throw new Error(`${this.workload} has no data certificate`)
    return new Insider(this.workload, { ...this.held, ...this.held.data })
  }

  /** The same party where Consul itself listens. Close it yourself. */
  atConsul(): Insider & { server: string } {
    const { consul } = this.held.places
    if (!consul) throw new Error(`${this.workload} is not known at Consul`)
    return Object.assign(new Insider(this.workload, { ...this.held, key: consul.key, certificate: consul.certificate, roots: consul.ca }), { server: consul.servers[0]! })
  }

  /** The TLS listener of a process, as endpoints.json tells it. */
  static addressOf(process: string): string {
    const found = endpoints.processes.find((p) => p.name === process)?.address
    if (!found) throw new Error(`${process} has no address`)
    return `https://${found}`
  }

  async call(origin: string, method: string, path: string, init: { token?: string; headers?: Record<string, string>; body?: string } = {}): Promise<MeshAnswer> {
    const response = await fetch(`${origin}${path}`, {
      method, dispatcher: this.#agent, redirect: 'manual', ...(init.body !== undefined && { body: init.body }),
      headers: { ...(init.token && { authorization: `Bearer ${init.token}` }), ...init.headers },
    })
    const text = await response.text()
    return { status: response.status, text, json: text && /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined }
  }

  /** A form to exchange as it is. */
  form(path: '/token' | '/redeem', form: string, traceparent?: string): Promise<MeshAnswer> {
    return this.call(this.held.places.exchange, 'POST', path, { headers: { 'content-type': 'application/x-www-form-urlencoded', ...(traceparent && { traceparent }) }, body: form })
  }

  /** Asks exchange for a narrow token, with a user's or a narrow token as subject, or as ourselves. */
  async exchange(request: { audience: string; scope: string; subjectToken?: string; traceparent?: string }): Promise<MeshAnswer> {
    const form = new URLSearchParams({
      audience: request.audience, scope: request.scope,
      ...(request.subjectToken
        ? { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: request.subjectToken, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }
        : { grant_type: 'client_credentials' }),
    })
    return this.form('/token', form.toString(), request.traceparent)
  }

  /** A user's access token for the edge, got as the edge gets it: code, PKCE and PAR by mutual TLS. Only the edge's identity can. */
  async userToken(username: string): Promise<string> {
    const dispatcher = new Agent({ connect: { key: this.held.key, cert: this.held.certificate, ca }, keepAliveTimeout: 4_000 })
    const options = { [oauth.customFetch]: (url: string, init: object) => fetch(url, { ...init, dispatcher } as never) as never }
    const issuer = new URL(endpoints.identity.issuer)
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
    const aliases = server.mtls_endpoint_aliases
    const client: oauth.Client = { client_id: 'edge', use_mtls_endpoint_aliases: aliases !== undefined }
    const verifier = oauth.generateRandomCodeVerifier(), state = oauth.generateRandomState(), nonce = oauth.generateRandomNonce()
    const redirectUri = `${new URL(endpoints.web.url).origin}/callback`
    const pushed = await oauth.processPushedAuthorizationResponse(server, client, await oauth.pushedAuthorizationRequest(server, client, oauth.TlsClientAuth(), {
      response_type: 'code', redirect_uri: redirectUri, scope: 'openid', state, nonce, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', resource: this.spiffeId,
    }, options))
    const visitor = new Visitor()
    try {
      const back = await visitor.authorize(`${server.authorization_endpoint}?client_id=edge&request_uri=${encodeURIComponent(pushed.request_uri)}`, username, redirectUri)
      const parameters = oauth.validateAuthResponse(server, client, back, state)
      const tokens = await oauth.processAuthorizationCodeResponse(server, client, await oauth.authorizationCodeGrantRequest(server, client, oauth.TlsClientAuth(), parameters, redirectUri, verifier, { ...options, additionalParameters: { resource: this.spiffeId } }), { expectedNonce: nonce })
      return tokens.access_token
    } finally {
      await Promise.all([visitor.close(), dispatcher.close()])
    }
  }

  close = (): Promise<void> => this.#agent.close()
}

/** Enrols anew and prints what it got; good for as long as a mesh certificate lives. */
export async function hold(workload: string): Promise<Held> {
  const printed = await command('lab', 'as', workload, process.execPath, '-e', PRINT)
  return JSON.parse(printed.slice(printed.indexOf('HELD') + 4)) as Held
}
