/** For tests: a real vault and a real pki. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import type { CertificateKind } from '@shop/chassis/identity.ts'
import { names, softhsm, startPart, type Child } from '@shop/chassis/test-part.ts'

export type ControlPlane = {
  vault: Child
  pki: Child
  port: number
  dir: string
  /** A call on pki's administration socket. */
  admin<Answer = any>(method: string, path: string, body?: unknown): Promise<{ status: number; body: Answer }>
  /** A registered process about to start: hand it to `enrol`. */
  launch(workload: string, certificates: CertificateKind[]): Promise<{ enrolment: { pki: string; secret: string; roots: string; certificates: CertificateKind[] }; names: typeof names; process: string; workload: string }>
  stopPki(): Promise<void>
  startPki(): Promise<void>
  stop(): Promise<void>
}

export async function startControlPlane({ port, lifetimeSeconds = {}, doorNames = [] }: { port: number; lifetimeSeconds?: Record<string, number>; doorNames?: string[] }): Promise<ControlPlane> {
  const dir = mkdtempSync(`${tmpdir()}/pki-`)
  for (const sub of ['token', 'state', 'doors']) mkdirSync(`${dir}/${sub}`, { mode: 0o700 })
  const vault = await startPart('vault', {
    process: 'vault', workload: 'vault', names, secrets: { pin: randomBytes(16).toString('hex') },
    config: { tokenDir: `${dir}/token`, library: softhsm!, sockets: { pki: `${dir}/v-pki`, identity: `${dir}/v-identity` } },
  })
  const startPki = () => startPart('pki', {
    process: 'pki', workload: 'pki', names,
    config: { port, stateDir: `${dir}/state`, doorsDir: `${dir}/doors`, doorNames, vaultSocket: `${dir}/v-pki`, adminSocket: `${dir}/admin`, lifetimeSeconds },
  })
  let pki = await startPki()
  const admin: ControlPlane['admin'] = (method, path, body) => new Promise((resolve, reject) => {
    http.request({ socketPath: `${dir}/admin`, method, path, headers: { 'content-type': 'application/json' } }, async (res) => {
      const text = Buffer.concat(await res.toArray()).toString('utf8')
      resolve({ status: res.statusCode!, body: text ? JSON.parse(text) : undefined })
    }).on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
  return {
    vault, port, dir, admin,
    get pki() { return pki },
    async launch(workload, certificates) {
      const secret = randomBytes(32).toString('base64url')
      const process = `${workload}-1`
      const registered = await admin('POST', '/registrations', { secretHash: createHash('sha256').update(secret).digest('base64url'), workload, certificates, process })
      if (registered.status !== 204) throw new Error(JSON.stringify(registered.body))
      const roots = (await admin<{ mesh: string }>('GET', '/roots')).body.mesh
      return { enrolment: { pki: `https://127.0.0.1:${port}`, secret, roots, certificates }, names, process, workload }
    },
    stopPki: () => pki.stop(),
    async startPki() { pki = await startPki() },
    async stop() {
      await pki.stop()
      await vault.stop()
      rmSync(dir, { recursive: true })
    },
  }
}
