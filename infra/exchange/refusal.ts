/**
 * Why there is no token, as OAuth says it, with a stable code of ours beside it.
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.2.2
 */
export type OAuthError = 'invalid_request' | 'invalid_client' | 'invalid_grant' | 'invalid_scope' | 'invalid_target' | 'unsupported_grant_type' | 'access_denied' | 'temporarily_unavailable' | 'token_used'

const STATUS: Partial<Record<OAuthError, number>> = { invalid_client: 401, access_denied: 403, token_used: 409, temporarily_unavailable: 503 }

export class Refusal extends Error {
  readonly error: OAuthError
  /** 'subject-audience'; the log and the monitor speak of it too. */
  readonly code: string
  readonly status: number

  constructor(error: OAuthError, code: string, description: string, cause?: unknown) {
    super(description, cause === undefined ? undefined : { cause })
    this.name = 'Refusal'
    this.error = error
    this.code = code
    this.status = STATUS[error] ?? 400
  }
}

export const refusalBody = ({ error, code, message }: Refusal) => ({ error, error_description: message, code })
