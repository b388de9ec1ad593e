/**
 * Tells the merchant what happened: signed, at least once, until it says 2xx.
 *
 * A delivery is claimed by moving its next attempt into the future; whoever dies on the way leaves it to be repeated.
 */
import { createHmac } from 'node:crypto'
import type { Logger } from '@shop/chassis/log.ts'
import type { Store } from '@shop/chassis/store.ts'
import { Agent } from 'undici'
import { addWebhook, appendLedger, takeSettled } from './store.ts'

const TICK_MS = 1_000
const FIRST_RETRY_SECONDS = 1
const LAST_RETRY_SECONDS = 60
const BATCH = 10

/** 't=<unix seconds>,v1=<hex HMAC-SHA256 over "t.payload">'. */
export const signature = (payload: string, secret: string, nowSeconds: number): string =>
  `t=${nowSeconds},v1=${createHmac('sha256', secret).update(`${nowSeconds}.${payload}`).digest('hex')}`

export type Webhooks = { /** Looks at the queue now rather than at the next tick. */ wake(): void; close(): Promise<void> }

export function startWebhooks({ store, url, roots, secret, log }: { store: Store; url: string; roots: string; secret: string; log: Logger }): Webhooks {
  const { origin, pathname } = new URL(url)
  const agent = new Agent({ connect: { ca: roots, minVersion: 'TLSv1.3', timeout: 3_000 }, headersTimeout: 5_000, bodyTimeout: 5_000, connections: 4 })
  let isClosed = false
  let isAgain = false
  let running: Promise<void> | null = null

  async function round(): Promise<void> {
    do {
      isAgain = false
      await settle()
      while (!isClosed && (await deliver()) === BATCH);
    } while (isAgain && !isClosed)
  }

  async function settle(): Promise<void> {
    await store.transaction(async (tx) => {
      for (const payment of await takeSettled(tx)) {
        await appendLedger(tx, payment, 'settled', payment.amountMinor)
        await addWebhook(tx, payment, 'payment.settled')
      }
    })
  }

  async function deliver(): Promise<number> {
    const { rows } = await store.query<{ id: string; payload: string; attempts: number }>(
      `update webhook set attempts = attempts + 1, next_at = now() + make_interval(secs => least($2, $1 * power(2, least(attempts, 10))) * (0.75 + random() / 2) + 5)
       where id in (select id from webhook where delivered_at is null and next_at <= now() order by id limit $3 for update skip locked)
       returning id, payload, attempts`, [FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, BATCH])
    await Promise.all(rows.sort((a, b) => Number(a.id) - Number(b.id)).map(async ({ id, payload, attempts }) => {
      const reason = await post(payload)
      if (reason === null) await store.query('update webhook set delivered_at = now() where id = $1', [id])
      else {
        // The claim kept others away for the time of a request; the wait itself is shorter.
        await store.query(`update webhook set next_at = next_at - interval '5 seconds' where id = $1`, [id])
        log.warn({ webhook: id, attempts, reason }, 'the merchant did not take a notice')
      }
    }))
    return rows.length
  }

  async function post(payload: string): Promise<string | null> {
    try {
      const { statusCode, body } = await agent.request({ origin, path: pathname, method: 'POST', headers: { 'content-type': 'application/json', 'provider-signature': signature(payload, secret, Math.floor(Date.now() / 1000)) }, body: payload })
      await body.dump()
      return statusCode >= 200 && statusCode < 300 ? null : `status ${statusCode}`
    } catch (error) {
      return (error as { code?: string }).code ?? (error as Error).message
    }
  }

  function wake(): void {
    isAgain = true
    if (isClosed) return
    running ??= round().catch((error: unknown) => log.warn({ err: error }, 'could not look at the queue of notices')).finally(() => { running = null })
  }
  const timer = setInterval(wake, TICK_MS).unref()
  return {
    wake,
    async close() {
      isClosed = true
      clearInterval(timer)
      await running
      await agent.close()
    },
  }
}
