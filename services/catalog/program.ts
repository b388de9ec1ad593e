/** Catalog's composition: what `main.ts` starts. */
import type { Program } from '@shop/chassis/start-service.ts'
import { askAccess } from './access.ts'
import { configSchema, type Config } from './config.ts'
import { expire } from './reservations.ts'
import { routes } from './routes.ts'
import { catalog } from './service.ts'

export const program: Program<Config> = {
  service: catalog,
  config: configSchema,
  openApi: new URL('openapi.yaml', import.meta.url),
  build: ({ launch: { config }, store, outbox, neighbour, log }) => ({
    routes: routes({ outbox, mayEdit: askAccess(neighbour('access')), reservationSeconds: config.reservationSeconds, now: () => new Date() }),
    start() {
      let running = Promise.resolve()
      const timer = setInterval(() => {
        running = running.then(() => expire(store)).then(
          (count) => { if (count) log.info({ count }, 'gave back expired reservations') },
          (error: unknown) => log.warn({ err: error }, 'expiry failed'))
      }, config.expiryIntervalMs)
      return async () => {
        clearInterval(timer)
        await running
      }
    },
  }),
}
