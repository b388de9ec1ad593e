/** The shop's JSON API, as this page's session. */

/** What a request came to when it was refused: a problem (RFC 9457), or no answer at all (status 0). */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail || problem.title)
    this.problem = problem
  }
}

const NO_ANSWER = { code: 'no-answer', status: 0, title: 'The shop cannot be reached', detail: 'Check your connection and try again.' }
let token

async function ask(method, path, { body, headers = {} }) {
  let response
  try {
    response = await fetch(path, {
      method, credentials: 'same-origin',
      headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }), ...(method !== 'GET' && { 'x-csrf-token': token }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch {
    throw new Refused(NO_ANSWER)
  }
  const value = /json/.test(response.headers.get('content-type') ?? '') ? await response.json().catch(() => undefined) : undefined
  if (!response.ok) throw new Refused(value?.code ? value : { ...NO_ANSWER, status: response.status, code: 'unexpected', title: 'Something went wrong', detail: 'Try again in a moment.' })
  return { status: response.status, etag: response.headers.get('etag'), body: value }
}

/** Throws Refused. The token of a session that changed meanwhile (signed in elsewhere) is asked for again, once. */
export async function api(method, path, options = {}) {
  if (method !== 'GET') token ??= (await ask('GET', '/api/session', {})).body.csrfToken
  try {
    return await ask(method, path, options)
  } catch (error) {
    if (!(error instanceof Refused) || error.problem.code !== 'csrf') throw error
    token = (await ask('GET', '/api/session', {})).body.csrfToken
    return ask(method, path, options)
  }
}

/** For Idempotency-Key: one for one wish, kept when it is repeated. */
export const newKey = () => crypto.randomUUID()

/** What to tell a person, in one sentence. */
export const wordsOf = (error) => {
  if (!(error instanceof Refused)) throw error
  const { status, title, detail } = error.problem
  if (status === 401) return 'Your session has ended. Sign in again.'
  return [title, detail].filter(Boolean).join('. ').replace(/([.!?])\./g, '$1')
}
