/** For tests: a real process of the system as a child, started as the supervisor starts it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LaunchDocument } from './launch.ts'
import { createLog, type Logger } from './log.ts'

export const names = { brand: 'Test Market', trustDomain: 'shop.test', cookiePrefix: 'test', checkout: 'abc123' }
export const quiet: Logger = createLog('test')
quiet.level = 'silent'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** SoftHSM2's library, from a cache of the project or the machine. */
export const softhsm = findSofthsm()

function findSofthsm(): string {
  const caches = ['/var/cache/nist-microservices-shop', join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nist-microservices-shop'), `${root}.shop/cache/parts`]
  const found = [...caches.flatMap((cache) => globSync(`${cache}/*`)), '', '/opt/homebrew']
    .flatMap((at) => [`${at}/usr/lib/softhsm/libsofthsm2.so`, `${at}/lib/softhsm/libsofthsm2.so`]).find((path) => existsSync(path))
  // Never skipped: a vault that was not tried is not a vault that works.
  if (!found) throw new Error('SoftHSM\'s library is not on this machine: npm start brings it, or install libsofthsm2')
  return found
}

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
