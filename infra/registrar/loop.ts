/** Observes, decides, performs; again on every check that changed something. Nothing here judges: see `decide.ts`. */
import type { Logger } from '@shop/chassis/log.ts'
import type { Report } from '@shop/chassis/security-event.ts'
import type { HealthChecks } from './check-health.ts'
import { addressOf, checked, decide, left, type Action, type History, type Instance, type Rules } from './decide.ts'
import type { Registry } from './registry.ts'
import { scheduleChecks } from './schedule-checks.ts'

/** The registry is read anew so often, whatever we wrote: another may have written too (S3.7). */
const READ_AGAIN_MS = 5_000
const AT_ONCE = 64

export type LoopParts = { registry: Registry; health: HealthChecks; rules: Rules; intervalMs: number; log: Logger; report: Report; now(): number; random(): number }
export type Loop = { deployed(instances: Instance[]): void; stop(): Promise<void> }

export function startLoop({ registry, health, rules, intervalMs, log, report, now, random }: LoopParts): Loop {
  const histories = new Map<string, History>()
  let deployed: Instance[] | null = null
  let registered: Map<string, Instance> | null = null
  let readAt = -Infinity
  let isBusy = false
  let isAgain = false
  let isStopped = false
  let failures = 0

  const schedule = scheduleChecks<Instance>({
    intervalMs, atOnce: AT_ONCE, random,
    async check(instance) {
      const result = await health.check(instance)
      const before = histories.get(instance.id)
      const after = checked(before, instance, result)
      histories.set(instance.id, after)
      if (result === 'impostor' && !before?.isImpostor)
        report({
          detection: 'MTLS-REJECT', control: 'registrar-identity', strategies: ['S3.6', 'S3.4'], code: 'instance-wrong-identity', severity: 'high',
          subject: instance.id, address: `${instance.host}:${instance.port}`, reason: `the certificate there is not ${instance.service}'s`,
        })
      await tick()
    },
  })

  /** Deployed, and registered though not deployed: both are checked. */
  function targets(): Map<string, Instance> {
    const all = new Map<string, Instance>([...(registered ?? [])])
    for (const instance of deployed ?? []) all.set(instance.id, instance)
    return all
  }

  async function tick(): Promise<void> {
    if (isBusy) { isAgain = true; return }
    isBusy = true
    try {
      do {
        isAgain = false
        await once()
      } while (isAgain && !isStopped)
      failures = 0
    } catch (error) {
      registered = null
      if (failures++ % 20 === 0) log.warn({ err: error, failures }, 'registry not reached; what is registered stays')
    } finally {
      isBusy = false
    }
  }

  async function once(): Promise<void> {
    if (!deployed || isStopped) return
    if (!registered || now() - readAt > READ_AGAIN_MS) {
      registered = await registry.read()
      readAt = now()
    }
    const all = targets()
    schedule.set(all)
    health.keep(new Set([...all.values()].map(addressOf)))
    for (const id of histories.keys()) if (!all.has(id)) histories.delete(id)
    for (const action of decide(deployed, histories, registered, now(), rules)) await perform(action, registered)
  }

  async function perform(action: Action, seen: Map<string, Instance>): Promise<void> {
    const { instance } = action
    if (action.do === 'register') {
      await registry.register(instance)
      seen.set(instance.id, instance)
      log.info({ instance: instance.id, address: addressOf(instance), version: instance.version }, 'registered')
    } else {
      await registry.deregister(instance.id)
      seen.delete(instance.id)
      const h = histories.get(instance.id)
      if (h && action.reason !== 'moved') histories.set(instance.id, left(h, now(), rules))
      log.warn({ instance: instance.id, address: addressOf(instance), reason: action.reason, badChecks: h?.bad }, 'deregistered')
    }
  }

  return {
    deployed(instances) {
      deployed = instances
      schedule.set(targets())
      void tick()
    },
    async stop() {
      isStopped = true
      schedule.stop()
      await health.close()
      registry.close()
    },
  }
}
