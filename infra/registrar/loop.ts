/** Observes, decides, performs; again on every check that changed something. Nothing here judges: see `decide.ts`. */
import type { Logger } from '@shop/chassis/log.ts'
import type { Report } from '@shop/chassis/security-event.ts'
import type { HealthChecks } from './check-health.ts'
import { addressOf, checked, decide as decideByChecks, entered, left, refusal, type Action, type History, type Instance, type Refusal, type Rules } from './decide.ts'
import type { Registry } from './registry.ts'
import { scheduleChecks } from './schedule-checks.ts'

/** The registry is read anew so often, whatever we wrote: another may have written too (S3.7). */
const READ_AGAIN_MS = 5_000
const AT_ONCE = 64

export type LoopParts = { registry: Registry; health: HealthChecks; rules: Rules; intervalMs: number; log: Logger; report: Report; now(): number; random(): number; /** Another composition than production's. */ decide?: typeof decideByChecks }
export type Loop = { deployed(instances: Instance[]): void; stop(): Promise<void> }

export function startLoop({ registry, health, rules, intervalMs, log, report, now, random, decide = decideByChecks }: LoopParts): Loop {
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
      const wanted = targets().get(instance.id)
      // Recalled or moved while it was asked: what it says is no longer about anything.
      if (!wanted || addressOf(wanted) !== addressOf(instance)) return tick()
      const isIn = registered?.get(instance.id)
      const h = checked(histories.get(instance.id), instance, result)
      const after = isIn && addressOf(isIn) === h.address && !h.hasEntered ? entered(h) : h
      const reason = refusal(after, rules)
      histories.set(instance.id, reason ? { ...after, told: reason } : after)
      if (reason) refuse(instance, reason)
      await tick()
    },
  })

  function refuse({ id, service, host, port }: Instance, reason: Refusal): void {
    const told = { control: 'check-before-register', strategies: ['S3.6', 'S3.4'], subject: id, address: `${host}:${port}` }
    log.warn({ instance: id, address: told.address, reason }, 'kept out')
    if (reason === 'wrong-identity') report({ ...told, detection: 'MTLS-REJECT', code: 'instance-wrong-identity', severity: 'high', reason: `the certificate there is not ${service}'s` })
    else report({ ...told, detection: 'REGISTRY-DENY', code: 'instance-refused', severity: 'low', reason: `its health checks fail: it is not registered as ${service}` })
  }

  /** Only we write here: an entry that is not as we left it is another's work (S3.5). */
  function tellForeign(before: ReadonlyMap<string, Instance>, seen: ReadonlyMap<string, Instance>): void {
    for (const [id, instance] of seen) {
      const known = before.get(id)
      if (known && addressOf(known) === addressOf(instance)) continue
      log.warn({ instance: id, address: addressOf(instance) }, 'registered by another')
      report({
        detection: 'REGISTRY-DENY', control: 'registrar-only-token', strategies: ['S3.5', 'S3.4'], code: 'registration-foreign', severity: 'high',
        subject: id.slice(0, 128), address: `${instance.host}:${instance.port}`, reason: 'the registry holds an address there that the registrar did not write',
      })
    }
  }

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
      const seen = await registry.read()
      if (registered) tellForeign(registered, seen)
      registered = seen
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
      const h = histories.get(instance.id)
      if (h) histories.set(instance.id, entered(h))
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
