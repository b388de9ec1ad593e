/** Shipping's composition: what `main.ts` starts. */
import { z } from 'zod'
import { serviceConfig, type Program } from '@shop/chassis/start-service.ts'
import { events } from './events.ts'
import { routes } from './routes.ts'
import { shipping } from './service.ts'
import { carryOne } from './ship.ts'

const TICK_MS = 1_000

const config = z.strictObject(serviceConfig)

export const program: Program<z.infer<typeof config>> = {
  service: shipping,
  config,
  openApi: new URL('./openapi.yaml', import.meta.url),
  build({ store, outbox, log }) {
    const parts = { outbox, now: () => new Date() }
    return {
      routes: routes(parts),
      events: events(parts),
      start() {
        let isBusy: Promise<void> | undefined
        const carry = async () => { while (await store.transaction((tx) => carryOne(parts, tx))); }
        const timer = setInterval(() => { isBusy ??= carry().catch((error: unknown) => log.warn({ err: error }, 'carrier waits')).finally(() => { isBusy = undefined }) }, TICK_MS)
        return async () => { clearInterval(timer); await isBusy }
      },
    }
  },
}
