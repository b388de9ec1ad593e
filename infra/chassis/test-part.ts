/** For tests: a real process of the system as a child, started as the supervisor starts it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LaunchDocument } from './launch.ts'
import { createLog, type Logger } from './log.ts'

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
