/** Lab only: a registrar with one step done as someone careless would do it (design decision 20). */
import { createLog } from '@shop/chassis/log.ts'
import { configSchema } from '@shop/registrar/config.ts'
import { addressOf, decide, type Action, type Instance } from '@shop/registrar/decide.ts'
import { startRegistrar } from '@shop/registrar/start.ts'
import { readLabLaunch } from './leave-out.ts'

const careless: Record<string, typeof decide> = {
  // What is deployed is well; only what is deployed no more is looked at.
  'check-before-register'(deployed, histories, registered, now, rules) {
    const isDeployed = new Set(deployed.map(({ id }) => id))
    const isThere = (one: Instance) => { const is = registered.get(one.id); return is !== undefined && addressOf(is) === addressOf(one) }
    return [
      ...decide([], histories, registered, now, rules).filter(({ instance }) => !isDeployed.has(instance.id)),
      ...deployed.filter((one) => !isThere(one)).map((instance): Action => ({ do: 'register', instance })),
    ]
  },
}

const { launch, leftOut } = readLabLaunch(configSchema)
const judgement = careless[leftOut]
if (!judgement) throw new Error(`there is no control '${leftOut}' here; there are ${Object.keys(careless).join(', ')}`)
const log = createLog(launch.process, { version: launch.version, lab: `WITHOUT ${leftOut}` })
log.warn({ leftOut }, 'a control is left out')
await startRegistrar(launch, log, { decide: judgement })
