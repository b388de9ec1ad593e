import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Report } from '@shop/chassis/security-event.ts'
import type { EdgeCall } from '../edge/call.ts'
import type { Stage } from '../pipeline.ts'
import { suspicionOf, type Suspicion } from './injection-rules.ts'

/** Texts that come again and again (agents, paths, languages), known to be harmless. */
const REMEMBERED = 2_000

/**
 * Tells the monitor of whoever tries to inject (S5.1, T1): every name and value of path, query, headers, cookies and body.
 * It reports and refuses nothing: docs/decisions/0018-inspection-reports.md.
 */
export const inspect = (report: Report): Stage<EdgeCall> => {
  const harmless = new Set<string>()
  const suspected = new WeakMap<EdgeCall, { suspicion: Suspicion; fields: Set<string> }>()
  /** The headers of a connection's last request, when nobody was suspected: most come again unchanged. */
  const harmlessHeaders = new WeakMap<Socket, IncomingHttpHeaders>()

  const lookerFor = (call: EdgeCall): Look => (place, name, text) => {
    if (harmless.has(text)) return
    const suspicion = suspicionOf(text)
    if (suspicion) {
      const field = (name ? `${place}.${name}` : place).slice(0, 64)
      const known = suspected.get(call)
      if (known) known.fields.add(field)
      else suspected.set(call, { suspicion, fields: new Set([field]) })
    } else if (text.length <= 256) {
      if (harmless.size >= REMEMBERED) harmless.clear()
      harmless.add(text)
    }
  }

  return {
    request(call) {
      const look = lookerFor(call)
      const { headers, socket } = call.request
      const before = harmlessHeaders.get(socket)
      look('path', '', once(call.path))
      lookAtPairs('query', call.query, look)
      for (const name in headers) {
        const value = headers[name]
        if (value === before?.[name]) continue
        if (name === 'cookie') lookAtCookies(String(value), look)
        else if (name !== 'authorization' && value !== undefined) look('header', name, typeof value === 'string' ? value : value.join(', '))
      }
      if (suspected.has(call)) harmlessHeaders.delete(socket)
      else harmlessHeaders.set(socket, headers)
      if (!call.hasBody) return
      const read = call.body
      call.body = async (limit) => {
        const bytes = await read(limit)
        if (bytes.length) lookAtBody(bytes.toString('utf8'), call.header('content-type') ?? '', look)
        return bytes
      }
    },
    ended(call) {
      const known = suspected.get(call)
      if (!known) return
      const { suspicion: { detection, kind }, fields } = known
      const subject = call.client ?? call.session?.data.user?.sub
      const operation = call.target?.kind === 'operation' ? call.target.operation.id : undefined
      report({
        detection, control: 'inspect', strategies: ['S5.1', 'T1'], code: 'injection-suspected', severity: 'medium', reason: kind, fields: [...fields].slice(0, 20),
        address: call.address.slice(0, 64), traceId: call.trace.traceId, ...(subject && { subject }), ...(operation && { operation }),
      })
    },
  }
}

type Look = (place: string, name: string, text: string) => void

/** A body may hold a hundred of them; a name is shown to nobody but the monitor, which takes it as a text. */
function lookAtPairs(place: string, pairs: string, look: Look): void {
  if (pairs === '') return
  for (const pair of pairs.split('&')) {
    const at = pair.indexOf('=')
    const name = once((at < 0 ? pair : pair.slice(0, at)).replaceAll('+', ' '))
    look(place, name, name)
    if (at >= 0) look(place, name, once(pair.slice(at + 1).replaceAll('+', ' ')))
  }
}

/** Name and value each on their own: a handle is a new text for every visitor, and plain. */
function lookAtCookies(cookies: string, look: Look): void {
  for (const pair of cookies.split(';')) {
    const at = pair.indexOf('=')
    look('header', 'cookie', once(at < 0 ? pair : pair.slice(0, at)))
    if (at >= 0) look('header', 'cookie', once(pair.slice(at + 1)))
  }
}

function lookAtBody(text: string, type: string, look: Look): void {
  const waiting: unknown[] = []
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) lookAtPairs('body', text, look)
  else
    try {
      waiting.push(JSON.parse(text))
    } catch {
      look('body', '', text)
    }
  while (waiting.length) {
    const value = waiting.pop()
    if (typeof value === 'string') look('body', '', value)
    else if (Array.isArray(value)) for (const one of value) waiting.push(one)
    else if (value !== null && typeof value === 'object') for (const [name, one] of Object.entries(value)) waiting.push(name, one)
  }
}

/** Percent-decoded when it can be. */
function once(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
