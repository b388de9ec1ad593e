/** For tests: a real vault and a real pki as child processes, started as the supervisor starts them. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { CertificateKind } from '@shop/chassis/identity.ts'
import type { LaunchDocument } from '@shop/chassis/launch.ts'
import { createLog, type Logger } from '@shop/chassis/log.ts'

export const names = { brand: 'Test Market', trustDomain: 'shop.test', cookiePrefix: 'test', checkout: 'abc123' }
export const quiet: Logger = createLog('test')
quiet.level = 'silent'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** SoftHSM2's library, from the project's cache or the machine; undefined where there is none. */
export const softhsm = [...globSync(`${root}.shop/cache/parts/*`), '', '/opt/homebrew']
  .flatMap((at) => [`${at}/usr/lib/softhsm/libsofthsm2.so`, `${at}/lib/softhsm/libsofthsm2.so`]).find((path) => existsSync(path))

export type Child = { log: () => Record<string, any>[]; exitCode: Promise<number | null>; stop(): Promise<void> }

/** Starts `infra/<part>/main.ts` with its launch document on descriptor 3; resolves when it says ready on 4. */
export async function startPart(part: string, document: LaunchDocument): Promise<Child> {
  const child: ChildProcess = spawn(process.execPath, [`${root}infra/${part}/main.ts`], { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'], env: {} })
  let output = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => { output += text })
  let errors = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => { errors += text })
  const exitCode = new Promise<number | null>((resolve) => child.once('close', resolve))
  ;(child.stdio[3] as NodeJS.WritableStream).end(JSON.stringify(document))
  await Promise.race([
    new Promise((resolve) => (child.stdio[4] as NodeJS.ReadableStream).once('data', resolve)),
    exitCode.then((code) => { throw new Error(`${part} ended with ${code}: ${output}${errors}`) }),
  ])
  return {
    log: () => output.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, any>),
    exitCode,
    async stop() {
      child.kill('SIGTERM')
      await exitCode
    },
  }
}

export type ControlPlane = {
  vault: Child
  pki: Child
  port: number
  dir: string
  /** A call on pki's administration socket. */
  admin<Answer = any>(method: string, path: string, body?: unknown): Promise<{ status: number; body: Answer }>
  /** A registered process about to start: hand it to `enrol`. */
  launch(workload: string, certificates: CertificateKind[]): Promise<{ enrolment: { pki: string; secret: string; roots: string; certificates: CertificateKind[] }; names: typeof names; process: string; workload: string }>
  restartPki(): Promise<void>
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
    async restartPki() {
      await pki.stop()
      pki = await startPki()
    },
    async stop() {
      await pki.stop()
      await vault.stop()
      rmSync(dir, { recursive: true })
    },
  }
}
