/** The runner's side of the certificate authority: its administration socket, which only the runner may open. */
import { createHash } from 'node:crypto'
import { Client } from 'undici'
import { randomKey } from './secrets.ts'

type IssueKind = 'backing' | 'door' | 'consul-server' | 'consul-client' | 'partner' | 'user' | 'owner'
export type IssueRequest = { kind: IssueKind; name: string; dnsNames?: string[]; ipAddresses?: string[]; days?: number }
export type Issued = { key: string; certificate: string; roots: string }
export type Roots = { mesh: string; doors: string; consul: string; partners: string; users: string }

export type Pki = {
  /** Registers a new one-time secret's hash and answers the secret. */
  register(process: string, workload: string, certificates: ('mesh' | 'data')[]): Promise<string>
  issue(request: IssueRequest): Promise<Issued>
  roots(): Promise<Roots>
  close(): Promise<void>
}

export function connectPki(socketPath: string): Pki {
  const client = new Client('http://pki', { socketPath, headersTimeout: 10_000, bodyTimeout: 10_000 })
  const ask = async <Answer>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> => {
    const response = await client.request({ method, path, ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) })
    const text = await response.body.text()
    if (response.statusCode >= 300) throw new Error(`pki refused ${method} ${path} with ${response.statusCode}: ${text.slice(0, 300)}`)
    return (text ? JSON.parse(text) : undefined) as Answer
  }
  return {
    async register(process, workload, certificates) {
      const secret = randomKey()
      await ask('POST', '/registrations', { secretHash: createHash('sha256').update(secret).digest('base64url'), workload, certificates, process })
      return secret
    },
    issue: (request) => ask('POST', '/issue', request),
    roots: () => ask('GET', '/roots'),
    close: () => client.close(),
  }
}
