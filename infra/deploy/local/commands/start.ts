import { rmSync } from 'node:fs'
import { beAlone } from '../alone.ts'
import { readCheckout } from '../checkout.ts'
import type { Parsed } from '../commands.ts'
import { liveRunner } from '../orphans.ts'
import { parseInstances, parseLifetimes } from '../plan.ts'
import { enterNamespace } from '../reachable.ts'
import { runSystem } from '../runner.ts'
import { openScreen } from '../screen.ts'
import { keptPaths } from '../site.ts'

export async function start({ values }: Parsed): Promise<number> {
  if (process.env.NODE_ENV === 'production') throw new Error('This driver is for development and tests: NODE_ENV=production is refused. See docs/support.md.')
  const checkout = await readCheckout(process.env)
  const live = liveRunner(checkout.shopDir)
  if (live) throw new Error(`This checkout's system already runs (runner pid ${live.runner.pid}). See npm run status; stop it with npm run down.`)
  beAlone(checkout.shopDir)
  enterNamespace([checkout.repo, checkout.shopDir, ...keptPaths()])
  const screen = openScreen(process.env, process.stdout)
  try {
    const only = values.only?.split(',').filter(Boolean)
    return await runSystem({ checkout, instances: parseInstances(values.instances ?? process.env.SHOP_INSTANCES ?? ''), lifetimes: parseLifetimes(process.env.SHOP_LIFETIMES ?? ''), ...(only && { only }), screen })
  } catch (error) {
    screen.say(`\nThe system did not come up.\n${(error as Error).message}`)
    rmSync(`${checkout.shopDir}/endpoints.json`, { force: true })
    return 1
  } finally {
    screen.close()
  }
}
