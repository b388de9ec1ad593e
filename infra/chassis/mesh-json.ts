/** One JSON answer over a kept connection, within a deadline. For the control plane's own small questions. */
import type { Dispatcher } from 'undici'

const MAX_ANSWER_BYTES = 262_144

/** GET, or POST of `body`. Throws when the peer cannot be reached, is late, or answers anything but 200 with JSON. */
export async function fetchJson(dispatcher: Dispatcher, path: string, timeoutMs: number, body?: unknown, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await dispatcher.request({
    path, method: body === undefined ? 'GET' : 'POST', signal: AbortSignal.timeout(timeoutMs),
    headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  })
  let text = ''
  answer.body.setEncoding('utf8')
  for await (const chunk of answer.body) {
    text += chunk
    if (text.length > MAX_ANSWER_BYTES) throw new Error(`${path}: the answer is too large`)
  }
  if (answer.statusCode !== 200) throw new Error(`${path}: status ${answer.statusCode}`)
  return JSON.parse(text)
}
