import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repo, shopDirOf } from '../checkout.ts'
import type { Parsed } from '../commands.ts'
import { liveRunner } from '../orphans.ts'
import { bringUpInBackground } from './up.ts'
import { takeDown } from './down.ts'

/** Runs a script with the arguments as they are; its exit status is ours. `needsSystem`: one is started when none runs, and stopped after. */
export async function script(path: string, { positionals }: Parsed, needsSystem = false): Promise<number> {
  const shopDir = shopDirOf(process.env)
  const isOurs = needsSystem && !positionals.includes('--endpoints') && !positionals.includes('--help') && !liveRunner(shopDir)
  try {
    if (isOurs && await bringUpInBackground(process.env, [], (text) => process.stderr.write(text)) !== 0) return 2
    return await runNode([path, ...positionals], { SHOP_DIR: shopDir })
  } finally {
    if (isOurs) await takeDown(shopDir)
  }
}

/** Node in the repository with this terminal; a signal reaches it too, and its end is waited for. */
export function runNode(args: string[], env: Record<string, string> = {}): Promise<number> {
  if (args[0]?.endsWith('.ts') && !existsSync(join(repo, args[0]))) throw new Error(`${args[0]} is not part of this version`)
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: repo, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } })
    const pass = (signal: NodeJS.Signals) => child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, pass)
    child.once('error', reject).once('exit', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, pass)
      resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals])
    })
  })
}
