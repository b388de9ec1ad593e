/**
 * Idempotent consumer: an event takes effect once, in the transaction that remembers its id (A5, A6).
 * What cannot be handled goes to the service's dead-letter queue; what is not signed by its producer at once (A5-b).
 * @see https://microservices.io/patterns/communication-style/idempotent-consumer.html
 */
import type { Channel, ConsumeMessage } from 'amqplib'
import { z } from 'zod'
import type { Broker } from './broker.ts'
import { EventForged, verifyEvent } from './event-signature.ts'
import type { WorkloadIdentity } from './identity.ts'
import type { Logger } from './log.ts'
import { Problem, Unavailable } from './problem.ts'
import type { Report } from './security-event.ts'
import type { Store, Tx } from './store.ts'
import { silent, type Telemetry } from './telemetry.ts'
import { continueTrace, traceparent } from './trace.ts'

export type ShopEvent = { id: string; source: string; type: string; subject: string; time: string; traceparent?: string; data: any }
/** Keyed by topic. What a handler throws is tried again a few times, then the event becomes a dead letter. */
export type EventHandlers = Record<string, (tx: Tx, event: ShopEvent) => Promise<void>>

const envelope = z.object({
  specversion: z.literal('1.0'), id: z.uuid(), source: z.string().max(64), type: z.string().max(64), subject: z.string().max(128),
  time: z.iso.datetime(), traceparent: z.string().max(55).optional(), data: z.unknown(),
})

/** The two steps that stand between a message and its effect. */
export type InboxSteps = {
  /** Throws event-forged. */
  verify: typeof verifyEvent
  /** Remembers the event in the transaction of its effect; false when it was remembered before. */
  isFirst(tx: Tx, event: ShopEvent): Promise<boolean>
}

export const inboxSteps: InboxSteps = {
  verify: verifyEvent,
  isFirst: async (tx, { id, type }) => (await tx.query('insert into inbox (event_id, topic) values ($1, $2) on conflict do nothing', [id, type])).rowCount === 1,
}

export function consume(parts: {
  queue: string
  handlers: EventHandlers
  /** Topic → the one service that may publish it, from the model. */
  producers: Record<string, string>
  store: Store; broker: Broker; identity: WorkloadIdentity; log: Logger; report: Report; telemetry?: Telemetry
  /** Another composition's; production passes none. */
  steps?: Partial<InboxSteps> | undefined
}): () => Promise<void> {
  const { queue, handlers, producers, store, broker, identity, log, report, telemetry = silent } = parts
  const { verify, isFirst } = { ...inboxSteps, ...parts.steps }
  const inFlight = new Set<Promise<void>>()
  let isStopping = false
  let open: { channel: Channel; tag: string } | undefined

  broker.onConnection(async (connection) => {
    if (isStopping) return
    const channel = await connection.createChannel()
    channel.on('error', (error: Error) => log.warn({ err: error }, 'consumer channel failed'))
    channel.on('close', () => { if (open?.channel === channel && !isStopping) void connection.close().catch(() => {}) })
    await channel.prefetch(10)
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (!message) return void connection.close().catch(() => {}) // the broker cancelled us
      const work = handle(channel, message).catch((error: unknown) => log.warn({ err: error }, 'could not settle a message')).finally(() => inFlight.delete(work))
      inFlight.add(work)
    })
    open = { channel, tag: consumerTag }
  })

  async function handle(channel: Channel, message: ConsumeMessage): Promise<void> {
    let event: ShopEvent
    try {
      event = readEvent(message)
    } catch (error) {
      const reason = error instanceof Problem ? String(error.options.evidence?.['reason'] ?? error.code) : 'unreadable'
      tell(message, { control: 'event-signature', code: 'event-forged', severity: 'high', reason })
      log.warn({ reason, topic: message.fields.routingKey }, 'an event was refused; it is a dead letter now')
      return channel.nack(message, false, false)
    }
    const startedAt = performance.now()
    let isRepeated = false
    const trace = continueTrace(event.traceparent)
    const settled = (error?: unknown) => telemetry.record(trace, startedAt, () => ({
      kind: 'consumer', name: `process ${event.type}`, isError: error !== undefined,
      attributes: { 'messaging.destination.name': event.type, ...(error !== undefined && { 'error.type': error instanceof Problem ? error.code : 'internal' }) },
    }))
    for (let delayMs = 200; ; delayMs = Math.min(delayMs * 2, 5_000)) {
      try {
        await store.transaction(async (tx) => {
          isRepeated = !(await isFirst(tx, event))
          if (!isRepeated) await handlers[event.type]!(tx, { ...event, ...(trace && { traceparent: traceparent(trace) }) })
        })
        settled()
        // The broker's own repetitions say so. What else comes twice was sent twice: by a relay that died, or by someone who kept it.
        if (isRepeated && !message.fields.redelivered) tell(message, { control: 'inbox-dedup', code: 'event-repeated', severity: 'low', reason: 'it had its effect before' })
        return channel.ack(message)
      } catch (error) {
        if (error instanceof Problem && error.code === Unavailable.code && !isStopping) {
          await new Promise((resolve) => setTimeout(resolve, delayMs))
          continue // our own store is away: not the event's fault
        }
        settled(error)
        log.error({ err: error, topic: event.type, eventId: event.id, deliveries: message.properties.headers?.['x-delivery-count'] }, 'event not handled')
        await new Promise((resolve) => setTimeout(resolve, delayMs))
        return channel.nack(message, false, true) // the queue's delivery limit turns it into a dead letter
      }
    }
  }

  /** The trace is what the message claims: it joins reports, and proves nothing. */
  function tell(message: ConsumeMessage, { reason, ...about }: { control: string; code: string; severity: 'low' | 'high'; reason: string }): void {
    const traceId = /"traceparent":"00-([0-9a-f]{32})-/.exec(message.content.toString('utf8', 0, 1_024))?.[1]
    report({ detection: 'EVENT-FORGED', strategies: ['A5'], ...about, reason: reason.slice(0, 200), operation: String(message.fields.routingKey).slice(0, 128), ...(traceId && { traceId }) })
  }

  function readEvent(message: ConsumeMessage): ShopEvent {
    const topic = message.fields.routingKey
    const producer = producers[topic]
    if (!producer || !handlers[topic]) throw EventForged({ evidence: { reason: 'topic not subscribed' } })
    if (message.content.length > 262_144) throw EventForged({ evidence: { reason: 'too large' } })
    const event = envelope.parse(JSON.parse(message.content.toString('utf8'))) as ShopEvent
    if (event.type !== topic || event.source !== producer) throw EventForged({ evidence: { reason: 'topic or source differs from the envelope' } })
    verify(message.content, String(message.properties.headers?.['signature'] ?? ''), { producer, trustDomain: identity.trustDomain, roots: identity.roots, time: new Date(event.time), now: new Date() })
    return event
  }

  return async () => {
    isStopping = true
    await open?.channel.cancel(open.tag).catch(() => {})
    await Promise.allSettled(inFlight)
  }
}
