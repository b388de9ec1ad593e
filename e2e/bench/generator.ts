/**
 * The load, in a process of its own: kept connections, each from its own source address (the edge limits by source), each
 * with one request at a time. An answer that is not the expected one, byte for byte, is a failure.
 */
import { Client } from 'undici'
import { onceTold } from './bare/told.ts'

/** `bodies[i]` answers `paths[i]`. `cookies`: one a session; none where the other side does not know sessions. */
export type Target = { origin: string; roots: string; serverName: string; paths: string[]; bodies: string[]; cookies: string[] }
/** A session makes `burst` requests in a row, then the next one comes; `from`: where the last slice ended. */
export type Slice = { target: string; from: number; requests: number; burst: number }
export type Command = { do: 'open'; name: string; target: Target } | ({ do: 'slice' } & Slice) | { do: 'reopen'; target: string } | { do: 'sessions'; target: string; path: string; count: number }
export type Told = { failures: string[]; milliseconds: number; cookies?: string[] }

const CONNECTIONS = 32

const targets = new Map<string, Omit<Target, 'bodies'> & { bodies: Buffer[]; clients: Client[] }>()

function open(name: string, target: Omit<Target, 'bodies'> & { bodies: Buffer[] }): void {
  const clients = Array.from({ length: CONNECTIONS }, (_, i) => new Client(target.origin, {
    pipelining: 1, keepAliveTimeout: 60_000, keepAliveMaxTimeout: 120_000,
    localAddress: `127.${100 + targets.size}.${process.pid % 250}.${i + 1}`,
    connect: { ca: target.roots, family: 4, servername: target.serverName, ...(target.serverName !== 'localhost' && { checkServerIdentity: () => undefined }) },
  }))
  void targets.get(name)?.clients.map((client) => client.close())
  targets.set(name, { ...target, clients })
}

const ask = (client: Client, path: string, headers: string[]): Promise<{ status: number; chunks: Buffer[]; cookie: string | undefined }> => new Promise((resolve, reject) => {
  const chunks: Buffer[] = []
  let status = 0
  let cookie: string | undefined
  client.dispatch({ method: 'GET', path, headers }, {
    onRequestStart() {},
    onResponseStart(_c, code, received) {
      status = code
      const set = received['set-cookie']
      cookie = (Array.isArray(set) ? set[0] : set)?.split(';')[0]
    },
    onResponseData(_c, chunk) { chunks.push(chunk) },
    onResponseEnd() { resolve({ status, chunks, cookie }) },
    onResponseError(_c, error) { reject(error) },
  })
})

async function slice({ target: name, from, requests, burst }: Slice): Promise<string[]> {
  const { paths, bodies, cookies, clients } = targets.get(name)!
  const failures: string[] = []
  let next = from
  await Promise.all(clients.map(async (client) => {
    while (next < from + requests) {
      const first = next
      next += burst
      const cookie = cookies.length ? cookies[(first / burst) % cookies.length]! : ''
      for (let i = first; i < first + burst; i++) {
        const at = i % paths.length
        try {
          const { status, chunks } = await ask(client, paths[at]!, cookie ? ['accept', 'application/json', 'cookie', cookie] : ['accept', 'application/json'])
          const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
          if (status !== 200 || !body.equals(bodies[at]!)) failures.push(`${paths[at]}: ${status} ${body.toString('utf8').slice(0, 600)} in place of ${bodies[at]!.toString('utf8').slice(0, 600)}`)
        } catch (error) {
          failures.push(`${paths[at]}: ${(error as Error).message}`)
        }
      }
    }
  }))
  return failures
}

/** New visitors: each gets the cookie of a session. */
async function sessions({ target: name, path, count }: { target: string; path: string; count: number }): Promise<string[]> {
  const cookies: string[] = []
  let asked = 0
  await Promise.all(targets.get(name)!.clients.map(async (client) => {
    while (asked++ < count) {
      const { status, cookie } = await ask(client, path, ['accept', 'application/json'])
      if (status !== 200 || !cookie) throw new Error(`no session: ${status}`)
      cookies.push(cookie)
    }
  }))
  return cookies
}

for (;;) {
  const command = await onceTold<Command>()
  const began = performance.now()
  const answer: Partial<Told> = {}
  if (command.do === 'open') open(command.name, { ...command.target, bodies: command.target.bodies.map((body) => Buffer.from(body)) })
  else if (command.do === 'reopen') open(command.target, targets.get(command.target)!)
  else if (command.do === 'sessions') answer.cookies = await sessions(command)
  else answer.failures = await slice(command)
  process.send!({ failures: [], ...answer, milliseconds: performance.now() - began } satisfies Told)
}
