/** Order's composition: what `main.ts` starts. */
import type { Program } from '@shop/chassis/start-service.ts'
import { askAccess } from './access.ts'
import { createAdvance } from './advance.ts'
import { paymentSteps } from './billing.ts'
import { forgetGuests } from './carts.ts'
import { quoteFrom, stockSteps } from './catalog.ts'
import { configSchema, type Config } from './config.ts'
import { agreed } from './domain/cart.ts'
import { eventHandlers } from './events.ts'
import { routes } from './routes.ts'
import { order } from './service.ts'
import { shipmentSteps } from './shipping.ts'
import { startWorker } from './worker.ts'

/** `agree`: another composition's way to a price; production passes none. */
export const programWith = (agree = agreed): Program<Config> => ({
  service: order,
  config: configSchema,
  openApi: new URL('openapi.yaml', import.meta.url),
  build({ launch, store, outbox, neighbour, log }) {
    const { leaseMs, pollMs, giveUpMs, shipmentWaitMs } = launch.config
    const catalog = neighbour('catalog')
    const advance = createAdvance(outbox, shipmentWaitMs)
    const steps = { ...stockSteps(catalog), ...paymentSteps(neighbour('billing')), ...shipmentSteps(neighbour('shipping')) }
    return {
      routes: routes({ store, outbox, quote: quoteFrom(catalog), mayCancel: askAccess(neighbour('access')), advance, agree }),
      events: eventHandlers(advance),
      start() {
        const worker = startWorker({ store, steps, advance, log, name: launch.process, leaseMs, pollMs, giveUpMs, concurrency: 8, now: () => new Date(), random: Math.random })
        const cleaning = setInterval(() => void forgetGuests(store).catch((error: unknown) => log.warn({ err: error }, 'cleaning failed')), 3_600_000)
        return async () => {
          clearInterval(cleaning)
          await (await worker)()
        }
      },
    }
  },
})

export const program = programWith()
