/** Lab only: what an edge does that wants to understand every request (leaves out parts of S5.1 and S4.1). */
import { request } from 'node:http'
import type { EdgeCall } from '@shop/gateway/edge/call.ts'
import type { Stage, Step } from '@shop/gateway/pipeline.ts'

/** Percent-decoded until nothing is left to decode; bytes that are no UTF-8 become something. */
function decodeAll(text: string): string {
  let one = text
  for (let i = 0; i < 4 && /%[0-9a-f]{2}/i.test(one); i++)
    one = Buffer.from(Buffer.from(one, 'utf8').toString('latin1').replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString('utf8')
  return one
}

/** One path for all spellings of it: decoded, without parameters, dots, doubled and turned slashes; queries decoded as often. */
export const tidyTarget: Step<EdgeCall> = (call) => {
  const segments: string[] = []
  for (const raw of decodeAll(call.path).replaceAll('\\', '/').split('/')) {
    const segment = raw.replace(/[;\0].*/s, '').normalize('NFKC')
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(encodeURIComponent(segment.toWellFormed()))
  }
  call.path = `/${segments.join('/')}`
  call.query = call.query.split('&').map((pair) => pair.split(/=(.*)/s, 2).map((part) => encodeURIComponent(decodeAll(part.replaceAll('+', ' ')).toWellFormed())).join('=')).join('&')
}

/** The verb is whatever a client says that it really is. */
export const heedAnyVerb: Step<EdgeCall> = (call) => {
  const said = ['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-method'].map((name) => call.header(name)).find((value) => value !== undefined)
  call.method = (said ?? (call.method === 'HEAD' ? 'GET' : call.method)).toUpperCase()
}

/** Where a target or a Host names an address, it is fetched from there. */
export const dialAnything = (match: Stage<EdgeCall>): Stage<EdgeCall> => ({ request: async (call) => {
  const target = call.request.url ?? '/'
  const own = new URL(call.door.origin).host
  const named = /^https?:\/\/([^/]+)/.exec(target)?.[1] ?? /^\/[/@]+([^/@]+:\d+)/.exec(target)?.[1] ?? call.header('host')
  const [, host, port = '80'] = /^(127\.[\d.]+|localhost)(?::(\d+))?$/.exec(named?.split('@').at(-1) ?? '') ?? []
  if (!host || named === own) return match.request!(call)
  const body = await new Promise<string>((resolve) => {
    request({ host, port, path: '/', signal: AbortSignal.timeout(1_000) }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk }).on('end', () => resolve(text))
    }).on('error', (error) => resolve(error.message)).end()
  })
  call.answer = { status: 200, headers: { 'content-type': 'text/plain' }, body }
} })
