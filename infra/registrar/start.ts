/** Runs the registrar until it is told to stop. The lab starts the same with another judgement. */
import { enrol } from '@shop/chassis/identity.ts'
import { ready, type Launch } from '@shop/chassis/launch.ts'
import { onStop } from '@shop/chassis/lifecycle.ts'
import type { Logger } from '@shop/chassis/log.ts'
import { createMeshReporter } from '@shop/chassis/mesh-report.ts'
import { healthChecks } from './check-health.ts'
import { secretsSchema, type Config } from './config.ts'
import { consulRegistry } from './consul-registry.ts'
import { followInventory } from './inventory.ts'
import { startLoop, type LoopParts } from './loop.ts'

/** `decide`: another judgement than production's, which passes none. */
export async function startRegistrar(launch: Launch<Config>, log: Logger, { decide }: Pick<LoopParts, 'decide'> = {}): Promise<void> {
  const { config } = launch
  const { consulKey, consulToken } = secretsSchema.parse(launch.secrets)
  const identity = await enrol(launch, log)
  const { report, close: closeReports } = createMeshReporter(launch.process, config.monitor, identity)
  const loop = startLoop({
    registry: consulRegistry({ servers: config.consul, ca: config.consulTls.ca, certificate: config.consulTls.certificate, key: consulKey, token: consulToken }),
    health: healthChecks(identity),
    rules: { goodChecks: config.goodChecks, badChecks: config.badChecks, mostGoodChecks: 20, halfLifeMs: 60_000 },
    intervalMs: config.intervalMs, log, report, now: () => performance.now(), random: Math.random, ...(decide && { decide }),
  })
  const stopFollowing = followInventory(config.inventorySocket, loop.deployed, log)
  ready()
  log.info('ready')
  // What is registered stays: a registrar that ends must not take the shop with it.
  onStop(log, async () => {
    await stopFollowing()
    await loop.stop()
    await closeReports()
    identity.stop()
  })
}
