/** Lab only: access as another release would start it, with a rule more than ours. No control is left out: what changes is what it decides by. */
import { configSchema } from '@shop/access/config.ts'
import { startAccess } from '@shop/access/start.ts'
import { createLog } from '@shop/chassis/log.ts'
import { readLabLaunch } from './leave-out.ts'

/** What stands below the released rules of a service. */
const stricter: Record<string, { service: string; cedar: string }> = {
  'released-rules': { service: 'order', cedar: '@id("no-carts-for-guests") forbid (principal is Guest, action == Action::"order.getCart", resource is Service);' },
}

const { launch, leftOut } = readLabLaunch(configSchema)
const rule = stricter[leftOut]
if (!rule) throw new Error(`there are no other rules '${leftOut}'; there are ${Object.keys(stricter).join(', ')}`)
const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
log.warn({ leftOut, rule }, 'decides by other rules')
const policies = launch.config.policies.map((one) => (one.service === rule.service ? { ...one, cedar: `${one.cedar}\n${rule.cedar}` } : one))
await startAccess({ ...launch, config: { ...launch.config, policies } }, log)
