/**
 * Who this process is: short-lived certificates, fetched with a one-time secret and renewed at half their life.
 *
 * Keys are made here and never leave the process (S1.5). A process whose certificate ran out cannot prove itself
 * any more and exits; the supervisor starts it with a new secret.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { Client } from 'undici'
import { newCertificateRequest } from './certificate-request.ts'
import { pemBlocks } from './der.ts'
import type { Launch } from './launch.ts'
import type { Logger } from './log.ts'
import { meshConnect, uriNames } from './tls.ts'

/** mesh: to speak in the mesh. data: for the database role and the broker user alone. */
export type CertificateKind = 'mesh' | 'data'

export type Credentials = {
  spiffeId: string
  /** PEM, PKCS #8. */
  key: string
  /** PEM chain, leaf first, without the root. */
  certificate: string
  /** base64url SHA-256 of the leaf: `x5t#S256` (RFC 8705 §3.1). */
  thumbprint: string
  notAfter: Date
}

export type WorkloadIdentity = {
  /** Mesh trust roots, PEM. */
  roots: string
  trustDomain: string
  /** The same object until it is renewed: good as a key of caches. Throws when this workload has no mesh certificate. */
  mesh(): Credentials
  data(): Credentials
  onRenewed(listener: (kind: CertificateKind) => void): void
  stop(): void
}

/** Answers a request with a chain. `current` is null the first time. */
export type Issue = (kind: CertificateKind, csr: string, current: Credentials | null) => Promise<string>

export const spiffeId = (trustDomain: string, path: string): string => `spiffe://${trustDomain}/${path}`

/** Enrols with pki, over TLS that trusts the given roots alone and only pki's own SPIFFE id. Keeps every certificate renewed, and renews at once on SIGHUP: for whoever fears for a key. */
export async function enrol(launch: Pick<Launch<unknown>, 'enrolment' | 'names' | 'process' | 'workload'>, log: Logger): Promise<WorkloadIdentity> {
  const { enrolment, names: { trustDomain }, workload } = launch
  if (!enrolment) throw new Error(`${launch.process} was started without enrolment`)
  const { roots, certificates: kinds } = enrolment
  const call = (path: string, body: unknown, credentials: Credentials | null) => askPki(enrolment.pki, path, body, meshConnect(credentials, roots, spiffeId(trustDomain, 'mesh/pki')))
  const requests = kinds.map((kind) => ({ kind, ...newCertificateRequest() }))
  const csrs = Object.fromEntries(requests.map(({ kind, csr }) => [kind, csr]))
  const answer = await call('/enrol', { secret: enrolment.secret, csrs }, null)
  const first = requests.map(({ kind, key }): [CertificateKind, Credentials] => [kind, credentialsOf(key, chainOf(answer[kind]), spiffeId(trustDomain, `${kind}/${workload}`))])
  const { renew, ...identity } = keepRenewed({ trustDomain, roots, workload, first: new Map(first), issue: async (kind, csr, current) => chainOf(await call('/renew', { csr, kind }, current)) }, log)
  process.on('SIGHUP', renew)
  return { ...identity, stop() { process.off('SIGHUP', renew); identity.stop() } }
}

/** An identity from certificates that are there, renewed through `issue`. Enrolment uses it, and pki for its own. */
export function keepRenewed(
  { trustDomain, roots, workload, first, issue }: { trustDomain: string; roots: string; workload: string; first: Map<CertificateKind, Credentials>; issue: Issue },
  log: Logger,
): WorkloadIdentity & { renew(): void } {
  const held = new Map(first)
  const listeners: ((kind: CertificateKind) => void)[] = []
  const loops = [...held.keys()].map((kind) => renewLoop(kind))
  const get = (kind: CertificateKind): Credentials => {
    const credentials = held.get(kind)
    if (!credentials) throw new Error(`${workload} has no ${kind} certificate`)
    return credentials
  }

  function renewLoop(kind: CertificateKind): { renew(): void; stop(): void } {
    let timer: NodeJS.Timeout | undefined
    let isStopped = false
    let isAsking = false
    let failures = 0
    const notAfter = () => held.get(kind)!.notAfter
    let due = halfLife(held.get(kind)!)
    async function tick(): Promise<void> {
      const now = Date.now()
      if (now >= notAfter().getTime()) {
        log.fatal({ kind, notAfter: notAfter() }, 'certificate ran out')
        process.exit(75)
      }
      if (now >= due) {
        isAsking = true
        try {
          const { key, csr } = newCertificateRequest()
          const next = credentialsOf(key, await issue(kind, csr, held.get(kind)!), spiffeId(trustDomain, `${kind}/${workload}`))
          if (isStopped) return
          held.set(kind, next)
          due = halfLife(next)
          failures = 0
          log.info({ kind, notAfter: next.notAfter }, 'certificate renewed')
          for (const listener of listeners) listener(kind)
        } catch (error) {
          const left = notAfter().getTime() - Date.now()
          due = Date.now() + Math.min(30_000, left / 8, 100 * 2 ** failures++) * (0.75 + Math.random() / 2)
          log.warn({ kind, failures, err: error }, 'certificate not renewed')
        } finally {
          isAsking = false
        }
      }
      wait()
    }
    // Timers stand still while a laptop sleeps, wall time does not: look at least every 15 s.
    function wait() {
      if (!isStopped) timer = setTimeout(() => void tick(), Math.max(10, Math.min(15_000, due - Date.now(), notAfter().getTime() - Date.now()))).unref()
    }
    wait()
    return {
      stop() { isStopped = true; clearTimeout(timer) },
      renew() {
        if (isStopped || isAsking) return
        due = 0
        clearTimeout(timer)
        void tick()
      },
    }
  }

  return {
    roots, trustDomain,
    mesh: () => get('mesh'),
    data: () => get('data'),
    onRenewed: (listener) => void listeners.push(listener),
    renew: () => { for (const loop of loops) loop.renew() },
    stop: () => { for (const loop of loops) loop.stop() },
  }
}

/** Half of what is left, give or take a tenth, so that workloads started together do not renew together. */
const halfLife = (c: Credentials): number => Date.now() + (c.notAfter.getTime() - Date.now()) * (0.45 + Math.random() / 10)

/** Joins key and chain; throws when they do not belong together or name someone else. */
export function credentialsOf(key: string, certificate: string, expected: string): Credentials {
  const leaf = new X509Certificate(certificate)
  const uris = uriNames(leaf)
  if (!leaf.checkPrivateKey(createPrivateKey(key))) throw new Error('the certificate is for another key')
  if (uris.length !== 1 || uris[0] !== expected) throw new Error(`the certificate is not for ${expected}`)
  return { spiffeId: expected, key, certificate, thumbprint: createHash('sha256').update(leaf.raw).digest('base64url'), notAfter: leaf.validToDate }
}

async function askPki(origin: string, path: string, body: unknown, connect: ReturnType<typeof meshConnect>): Promise<Record<string, unknown>> {
  const client = new Client(origin, { connect, allowH2: false, headersTimeout: 5_000, bodyTimeout: 5_000, maxResponseSize: 65_536 })
  try {
    const response = await client.request({ path, method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const answer = (await response.body.json()) as Record<string, unknown>
    if (response.statusCode !== 200) throw new Error(`pki refused ${path}: ${response.statusCode} ${String(answer['code'])}`)
    return answer
  } finally {
    await client.close()
  }
}

function chainOf(answer: unknown): string {
  const chain = (answer as { chain?: unknown } | undefined)?.chain
  if (typeof chain !== 'string' || pemBlocks('CERTIFICATE', chain).length === 0) throw new Error('pki answered without a chain')
  return chain
}
