/** Runs a program to its end. Standard input is closed, so nothing can wait for an answer there. */
import { spawn } from 'node:child_process'

export type RunOptions = { cwd?: string; env?: Record<string, string>; uid?: number; gid?: number; timeoutMs?: number }

/** Standard output of `command`. Throws with the command and what it said last when it does not exit with 0. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  const { timeoutMs = 300_000, ...rest } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...rest, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' })
    let out = ''
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text) => { out += text; said = (said + text).slice(-2000) })
    child.stderr.setEncoding('utf8').on('data', (text) => { said = (said + text).slice(-2000) })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out)
      else reject(new Error(`${command} ended with ${signal ?? code}: ${said.trim()}`))
    })
  })
}
