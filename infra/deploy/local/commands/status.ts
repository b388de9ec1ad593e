import { shopDirOf } from '../checkout.ts'
import type { Parsed } from '../commands.ts'
import { askRunner } from '../control.ts'
import { liveRunner } from '../orphans.ts'
import { printStatus, type Status } from '../status.ts'

/** 0 only when everything that should run does. */
export async function status({ values }: Parsed): Promise<number> {
  const live = liveRunner(shopDirOf(process.env))
  const found = live ? await askRunner<Status>(live.control, 'GET', '/status') : undefined
  if (values.json) process.stdout.write(`${JSON.stringify(found ?? { phase: 'stopped', isHealthy: false, processes: [], absent: [], losses: [], controlsOff: [], labInstances: [] }, null, 2)}\n`)
  else process.stdout.write(`${found ? printStatus(found) : 'Nothing runs. Start it with npm start.'}\n`)
  return found?.isHealthy ? 0 : 1
}
