/**
 * The form of a token request, read strictly: known parameters, each once, one target and one operation (S12.5).
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.1
 */
import { Refusal } from './refusal.ts'

export const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/** `subjectToken` absent: the caller as its own subject, or `guest` for a visitor without an account. */
export type TokenRequest = { audience: string; scope: string; subjectToken?: string; guest?: string }

const EXCHANGE_PARAMETERS = ['grant_type', 'subject_token', 'subject_token_type', 'audience', 'scope', 'requested_token_type']
const OWN_PARAMETERS = ['grant_type', 'audience', 'scope', 'guest']
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Throws a refusal. */
export function readTokenRequest(form: string): TokenRequest {
  const parameters = readForm(form)
  const grant = parameters.get('grant_type')
  if (grant !== EXCHANGE_GRANT && grant !== 'client_credentials') throw new Refusal('unsupported_grant_type', 'grant-type', 'grant_type is token-exchange or client_credentials')
  const known = grant === EXCHANGE_GRANT ? EXCHANGE_PARAMETERS : OWN_PARAMETERS
  for (const name of parameters.keys()) {
    if (name === 'resource') throw new Refusal('invalid_target', 'resource', 'The target is named by audience alone')
    if (name === 'actor_token' || name === 'actor_token_type') throw new Refusal('invalid_grant', 'actor-token', 'The actor is who calls, by its certificate; no token can say so')
    if (!known.includes(name)) throw new Refusal('invalid_request', 'parameter-unexpected', 'A parameter is not known for this grant')
  }
  const audience = parameters.get('audience')
  const scope = parameters.get('scope')
  if (!audience || !/^[a-z][a-z0-9-]{0,62}$/.test(audience)) throw new Refusal('invalid_target', 'audience', 'audience is the name of one service')
  if (!scope || !/^[A-Za-z][A-Za-z0-9]{0,63}$/.test(scope)) throw new Refusal('invalid_scope', 'scope', 'scope is one operationId')
  if (grant === 'client_credentials') {
    const guest = parameters.get('guest')
    if (guest !== undefined && !UUID.test(guest)) throw new Refusal('invalid_request', 'guest', 'guest is a UUID in lower case')
    return { audience, scope, ...(guest !== undefined && { guest }) }
  }
  const subjectToken = parameters.get('subject_token')
  if (!subjectToken || parameters.get('subject_token_type') !== ACCESS_TOKEN) throw new Refusal('invalid_request', 'subject-token', 'subject_token is an access token, and subject_token_type says so')
  if ((parameters.get('requested_token_type') ?? ACCESS_TOKEN) !== ACCESS_TOKEN) throw new Refusal('invalid_request', 'requested-token-type', 'Only access tokens are issued')
  return { audience, scope, subjectToken }
}

/** Each name once. `audience` and `resource` twice is a question of the target, by RFC 8693 §2.1; others are malformed. */
export function readForm(form: string): Map<string, string> {
  const read = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(form)) {
    if (read.has(name)) throw new Refusal(name === 'audience' || name === 'resource' ? 'invalid_target' : 'invalid_request', 'parameter-twice', 'A parameter stands more than once')
    read.set(name, value)
  }
  return read
}
