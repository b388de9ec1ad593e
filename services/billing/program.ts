/** Billing's composition: what `main.ts` starts. */
import { z } from 'zod'
import { serviceConfig, type Program } from '@shop/chassis/start-service.ts'
import { createProvider } from './provider.ts'
import { routes } from './routes.ts'
import { billing } from './service.ts'

const config = z.strictObject(serviceConfig)

export const program: Program<z.infer<typeof config>> = {
  service: billing,
  config,
  openApi: new URL('./openapi.yaml', import.meta.url),
  build({ launch, store, outbox, neighbour, log }) {
    const { pspKey, webhookSecret } = z.object({ pspKey: z.string().min(16), webhookSecret: z.string().min(16) }).parse(launch.secrets)
    return { routes: routes({ store, outbox, log, now: () => new Date(), provider: createProvider(neighbour('psp'), pspKey), webhookSecret }) }
  },
}
