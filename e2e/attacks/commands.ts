/** The product's own commands, as a tester types them. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** Runs `npm run NAME -- ARGS` without npm's own output. Resolves with what it printed; rejects when it fails. */
export function command(name: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'infra/deploy/start.mjs'), name, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = '', err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text })
    child.stderr.setEncoding('utf8').on('data', (text: string) => { err += text })
    child.on('error', reject).on('close', (status) => (status === 0 ? resolve(out) : reject(new Error(`${name} ${args.join(' ')} ended with ${status}: ${(err || out).slice(-2_000)}`))))
  })
}
