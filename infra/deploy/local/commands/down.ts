import { setTimeout as sleep } from 'node:timers/promises'
import { shopDirOf } from '../checkout.ts'
import { askRunner } from '../control.ts'
import { endOrphans, liveRunner, startOf } from '../orphans.ts'

export async function down(): Promise<number> {
  process.stdout.write(await takeDown(shopDirOf(process.env)) ? 'Stopped.\n' : 'Nothing was running.\n')
  return 0
}

/** Asks the runner to stop, insists by signals when it does not, and ends what is left. True when there was something. */
export async function takeDown(shopDir: string): Promise<boolean> {
  const live = liveRunner(shopDir)
  if (live) {
    const { pid, start } = live.runner
    const isGone = async (withinMs: number) => {
      for (const end = Date.now() + withinMs; Date.now() < end; await sleep(50)) if (startOf(pid) !== start) return true
      return false
    }
    await askRunner(live.control, 'POST', '/down').catch(() => process.kill(pid, 'SIGTERM'))
    if (!(await isGone(40_000))) process.kill(pid, 'SIGKILL')
    await isGone(2_000)
  }
  const orphans = await endOrphans(shopDir)
  return Boolean(live) || orphans.length > 0
}
