/** The payment provider's sandbox: the outside world, with its own site, database and keys (A4). */
import { enrol } from '@shop/chassis/identity.ts'
import { readLaunch, ready } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import { createLog } from '@shop/chassis/log.ts'
import { createStore } from '@shop/chassis/store.ts'
import { z } from 'zod'
import { configSchema } from './config.ts'
import { createPsp } from './psp.ts'

const launch = readLaunch(configSchema)
const log = createLog(launch.process)
const secrets = z.object({ doorKey: z.string().min(1), merchantKey: z.string().min(32), webhookSecret: z.string().min(32) }).safeParse(launch.secrets)
if (!secrets.success) {
  process.stderr.write(`unusable configuration:\nsecrets ${z.prettifyError(secrets.error)}\n`)
  process.exit(78)
}

const workload = await enrol(launch, log)
const store = createStore(launch.config.database, workload, log, { connections: 8 })
const psp = createPsp({ config: launch.config, secrets: secrets.data, store, log })
await new Promise<void>((resolve, reject) => psp.server.once('error', reject).listen(launch.config.port, '127.0.0.1', resolve))
log.info({ port: launch.config.port }, 'serving')
ready()

onStop(log, async () => {
  await psp.close()
  await store.close()
  workload.stop()
})
