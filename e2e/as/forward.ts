/**
 * A plain HTTP address on this machine behind which a door of the shop stands, with somebody already signed in: for tools
 * that know nothing of sessions, CSRF tokens and client certificates. It asks for a token of its own, in a header that no
 * web page can send unasked, so neither another site in a browser nor another user of the machine can use it.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'

export type Forwarded = { method: string; path: string; /** Name, value, name, value … as the tool sent them. */ headers: string[]; body: Buffer; signal: AbortSignal }
/** `body`: whole, or as it comes. */
export type Given = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer | Readable }
export type Door = {
  origin: string
  /** Sends it as whoever this is. */
  send(request: Forwarded): Promise<Given>
  close(): Promise<void>
}

export const TOKEN_HEADER = 'as-token'
const BODY_LIMIT_BYTES = 16 * 1024 * 1024
/** Belong to a connection (RFC 9110 §7.6.1), or are ours to say. */
const OWN = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'content-length', 'host', TOKEN_HEADER])

/** Listens on a free port of 127.0.0.1. `close` ends streams that are open. */
export async function startForwarder(door: Door, token = randomBytes(24).toString('base64url')): Promise<{ url: string; token: string; close(): Promise<void> }> {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = digest(token)
  const server = http.createServer({ maxHeaderSize: 65_536 }, (req, res) => {
    answer(req, res).catch((error: Error) => {
      if (res.headersSent) return void res.destroy()
      refuse(res, 502, 'door-silent', `The door gave no answer: ${error.message}`)
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const own = [url, `http://localhost:${port}`]

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    // A name that leads here by somebody else's DNS is not ours.
    if (!own.includes(`http://${req.headers.host}`)) return refuse(res, 421, 'host-unknown', `Use ${url}`)
    if (!timingSafeEqual(digest(String(req.headers[TOKEN_HEADER] ?? '')), expected)) return refuse(res, 401, 'as-token-required', `Send the header ${TOKEN_HEADER} with the token that was printed`)
    const body = await readAll(req)
    if (!body) return refuse(res, 413, 'body-too-large', `At most ${BODY_LIMIT_BYTES} bytes pass here`)
    const leaving = new AbortController()
    res.once('close', () => leaving.abort())
    const path = req.url!.startsWith('/') ? req.url! : new URL(req.url!).pathname
    const given = await door.send({ method: req.method!, path, headers: ownHeadersAway(req.rawHeaders), body, signal: leaving.signal })
    res.writeHead(given.status, Object.fromEntries(Object.entries(given.headers).filter(([name, value]) => value !== undefined && !OWN.has(name)).map(([name, value]) => [name, name === 'location' ? String(value).replace(door.origin, url) : value!])))
    if (!(given.body instanceof Readable)) return void res.end(given.body)
    res.flushHeaders()
    given.body.on('error', () => res.destroy()).pipe(res)
  }

  /** What a tool says of our address it means of the door. */
  function ownHeadersAway(raw: string[]): string[] {
    const headers: string[] = []
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!.toLowerCase()
      if (OWN.has(name)) continue
      const here = name === 'origin' || name === 'referer' ? own.find((one) => raw[i + 1]!.startsWith(one)) : undefined
      headers.push(name, here ? raw[i + 1]!.replace(here, door.origin) : raw[i + 1]!)
    }
    return headers
  }

  return {
    url, token,
    async close() {
      await new Promise<void>((resolve) => { server.close(() => resolve()); server.closeAllConnections() })
      await door.close()
    },
  }
}

async function readAll(req: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    if ((size += chunk.length) > BODY_LIMIT_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Of this forwarder, not of the shop: its type says so. */
function refuse(res: ServerResponse, status: number, code: string, detail: string): void {
  res.writeHead(status, { 'content-type': 'application/problem+json', connection: 'close' }).end(JSON.stringify({ type: `urn:as:${code}`, title: 'The forwarder refused', status, code, detail }))
}

export const headerOf = (headers: string[], name: string): string | undefined => headers.find((_value, at) => at % 2 === 1 && headers[at - 1] === name)
