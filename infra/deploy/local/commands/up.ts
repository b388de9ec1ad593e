import { spawn } from 'node:child_process'
import { closeSync, createReadStream, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openShopDir, shopDirOf } from '../checkout.ts'
import type { Parsed } from '../commands.ts'
import { askRunner } from '../control.ts'
import { logPath, openLog } from '../logs.ts'
import { liveRunner } from '../orphans.ts'
import type { Status } from '../status.ts'

export async function up({ values }: Parsed): Promise<number> {
  return bringUpInBackground(process.env, Object.entries(values).flatMap(([key, value]) => typeof value === 'string' ? [`--${key}`, value] : []), (text) => process.stdout.write(text))
}

/** Starts the runner in the background, shows what it prints, and returns when it is ready (0) or gone (1). */
export async function bringUpInBackground(env: NodeJS.ProcessEnv, options: string[], show: (text: string) => void): Promise<number> {
  const shopDir = shopDirOf(env)
  openShopDir(shopDir)
  const log = openLog(shopDir, 'runner')
  let shown = statSync(logPath(shopDir, 'runner')).size
  const already = liveRunner(shopDir)
  const { SHOP_PARENT_PID: _, ...rest } = env
  const child = already ? undefined : spawn(process.execPath, ['--max-semi-space-size=4', new URL('../cli.ts', import.meta.url).pathname, 'start', ...options], { detached: true, stdio: ['ignore', log, log], env: { ...rest, NO_COLOR: '1' } })
  closeSync(log)
  let exit: number | null | undefined
  child?.on('exit', (code) => { exit = code ?? 1 }).unref()
  const catchUp = async () => {
    const size = statSync(logPath(shopDir, 'runner')).size
    if (size <= shown || already) return
    for await (const text of createReadStream(logPath(shopDir, 'runner'), { encoding: 'utf8', start: shown, end: size - 1 })) show(text)
    shown = size
  }
  for (;;) {
    await catchUp()
    if (exit !== undefined) return exit || 1
    const live = liveRunner(shopDir)
    if (already && !live) return 1
    const status = live && await askRunner<Status>(live.control, 'GET', '/status').catch(() => undefined)
    if (status?.phase === 'ready') {
      await catchUp()
      if (already) show(`Already up (runner pid ${live?.runner.pid}), ${status.isHealthy ? 'all healthy' : 'not healthy: see npm run status'}.\n`)
      return status.isHealthy ? 0 : 1
    }
    await sleep(200)
  }
}
