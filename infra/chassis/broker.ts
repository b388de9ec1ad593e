/**
 * A connection to RabbitMQ that comes back: TLS 1.3 with the data certificate, SASL EXTERNAL (no password).
 * A renewed certificate opens a new connection before the old one closes.
 */
import amqp, { type ChannelModel } from 'amqplib'
import { z } from 'zod'
import type { WorkloadIdentity } from './identity.ts'
import type { Logger } from './log.ts'
import { dataClientTls } from './tls.ts'

export const brokerSchema = z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535), vhost: z.string() })
export type BrokerAddress = z.infer<typeof brokerSchema>

export const EXCHANGE = 'shop.events'

export type Broker = {
  /** Runs `open` on each new connection, the present one first. Errors are logged and the connection is made anew. */
  onConnection(open: (connection: ChannelModel) => Promise<void>): void
  close(): Promise<void>
}

export function connectBroker(address: BrokerAddress, identity: WorkloadIdentity, log: Logger): Broker {
  const openers: ((connection: ChannelModel) => Promise<void>)[] = []
  let current: ChannelModel | undefined
  let isClosing = false
  let connecting: Promise<void> | undefined

  const connect = (): Promise<void> => (connecting ??= attempt().finally(() => { connecting = undefined }))
  async function attempt(): Promise<void> {
    for (let delayMs = 100; !isClosing; delayMs = Math.min(delayMs * 2, 3_000)) {
      try {
        const tls = dataClientTls(identity, `rabbitmq.${identity.trustDomain}`)
        const next = await amqp.connect({ protocol: 'amqps', hostname: address.host, port: address.port, vhost: address.vhost, heartbeat: 10, username: '', password: '' },
          { ...tls, noDelay: true, timeout: 5_000, credentials: amqp.credentials.external() })
        next.on('error', (error: Error) => log.warn({ err: error }, 'broker connection failed'))
        next.on('close', () => {
          if (current !== next) return
          current = undefined
          void connect()
        })
        const previous = current
        current = next
        await Promise.all(openers.map((open) => open(next)))
        if (previous) setTimeout(() => void previous.close().catch(() => {}), 2_000).unref()
        return
      } catch (error) {
        log.warn({ err: error }, 'broker not reachable yet')
        const failed = current
        current = undefined
        await failed?.close().catch(() => {})
        await new Promise((resolve) => setTimeout(resolve, delayMs * (0.5 + Math.random())))
      }
    }
  }
  identity.onRenewed((kind) => { if (kind === 'data') void connect() })
  void connect()
  return {
    onConnection(open) {
      openers.push(open)
      const connection = current
      if (connection) open(connection).catch((error: unknown) => { log.warn({ err: error }, 'opening a channel failed'); void connection.close().catch(() => {}) })
    },
    async close() {
      isClosing = true
      await current?.close().catch(() => {})
    },
  }
}
