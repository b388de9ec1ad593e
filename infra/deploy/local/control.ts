/** The runner's own door: JSON over HTTP on a Unix socket that only its user may open. Commands speak to the runner here. */
import { chmodSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { Client } from 'undici'

export type Handlers = Record<string, (body: any) => Promise<unknown>>

/** Routes by 'POST /down'. A handler that throws answers 409 with the reason. */
export async function serveControl(path: string, handlers: Handlers, mode = 0o600): Promise<() => Promise<void>> {
  rmSync(path, { force: true })
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (chunk) => { text += chunk }).on('end', () => {
      const handle = handlers[`${request.method} ${request.url?.split('?')[0]}`]
      const query = Object.fromEntries(new URL(request.url ?? '/', 'http://runner').searchParams)
      const answer = (status: number, body: unknown) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}))
      if (!handle) return answer(404, { error: `the runner does not know ${request.method} ${request.url}` })
      Promise.resolve().then(() => handle(text ? JSON.parse(text) : query)).then((body) => answer(200, body), (error: Error) => answer(409, { error: error.message }))
    })
  })
  server.headersTimeout = 10_000
  const before = process.umask(0o777 & ~mode)
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve)).finally(() => process.umask(before))
  chmodSync(path, mode)
  return async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    rmSync(path, { force: true })
  }
}

/** Throws what the runner answered, or that nobody answers. */
export async function askRunner<Answer>(socketPath: string, method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
  const client = new Client('http://runner', { socketPath, headersTimeout: 120_000, bodyTimeout: 120_000 })
  try {
    const response = await client.request({ method, path, ...(body !== undefined && { body: JSON.stringify(body) }) })
    const answer = await response.body.json() as Answer & { error?: string }
    if (response.statusCode !== 200) throw new Error(answer.error ?? `the runner answered ${response.statusCode}`)
    return answer
  } finally {
    await client.destroy()
  }
}
