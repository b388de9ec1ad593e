/** The sandbox without its process: main.ts and the tests give it a store and certificates. */
import type https from 'node:https'
import type { Logger } from '@shop/chassis/log.ts'
import type { Store } from '@shop/chassis/store.ts'
import type { Config } from './config.ts'
import { createDoor } from './door.ts'
import { startWebhooks } from './webhooks.ts'

export type PspParts = { config: Omit<Config, 'database'>; secrets: { doorKey: string; merchantKey: string; webhookSecret: string }; store: Store; log: Logger }

/** `server` is not listening yet; notices are delivered from now on. */
export function createPsp({ config, secrets, store, log }: PspParts): { server: https.Server; close(): Promise<void> } {
  const webhooks = startWebhooks({ store, url: config.webhookUrl, roots: config.webhookRoots, secret: secrets.webhookSecret, log })
  const { settlementSeconds, slowAnswerSeconds } = config
  const server = createDoor({
    tls: { key: secrets.doorKey, certificate: config.certificate }, origin: `https://127.0.0.1:${config.port}`, frameAncestors: config.frameAncestors,
    merchantKey: secrets.merchantKey, merchant: { store, settlementSeconds, slowAnswerSeconds, wake: webhooks.wake }, store, log, now: () => new Date(),
  })
  return {
    server,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 3_000).unref()
      })
      await webhooks.close()
    },
  }
}
