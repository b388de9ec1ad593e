/**
 * Transactional outbox: an event is a row of the transaction that caused it, so there is never one without the other (A6).
 * A relay publishes rows in order and marks them only when the broker has confirmed; a crash in between sends twice,
 * and the receivers' inbox makes that harmless.
 * @see https://microservices.io/patterns/data/transactional-outbox.html
 */
import type { ConfirmChannel } from 'amqplib'
import { EXCHANGE, type Broker } from './broker.ts'
import { signEvent } from './event-signature.ts'
import type { WorkloadIdentity } from './identity.ts'
import type { Logger } from './log.ts'
import type { Store, Tx } from './store.ts'
import { silent, type Telemetry } from './telemetry.ts'
import { continueTrace, traceparent } from './trace.ts'

export type Outbox = {
  /** `subject` is what the event is about, e.g. the order's id. */
  add(tx: Tx, topic: string, subject: string, data: unknown, traceparent?: string): Promise<void>
}

/** Topics not in `publishes` are refused by name: a programmer's error. */
export const createOutbox = (publishes: string[]): Outbox => ({
  async add(tx, topic, subject, data, traceparent) {
    if (!publishes.includes(topic)) throw new Error(`this service may not publish '${topic}'`)
    await tx.query('insert into outbox (topic, subject, data, traceparent) values ($1, $2, $3, $4)', [topic, subject, JSON.stringify(data), traceparent || null])
    await tx.query(`select pg_notify('outbox', '')`)
  },
})

type Row = { id: string; topic: string; subject: string; data: unknown; traceparent: string | null; created_at: Date }

/** Publishes waiting rows, one relay at a time per database, as soon as they are committed and again every few seconds. */
export async function startRelay(parts: { store: Store; broker: Broker; identity: WorkloadIdentity; workload: string; log: Logger; telemetry?: Telemetry }): Promise<() => Promise<void>> {
  const { store, broker, identity, workload, log, telemetry = silent } = parts
  let channel: ConfirmChannel | undefined
  let pumping: Promise<void> | undefined
  let isAgain = false
  const nudge = (): void => {
    isAgain = true
    pumping ??= pump().finally(() => { pumping = undefined })
  }
  async function pump(): Promise<void> {
    while (isAgain && channel) {
      isAgain = false
      try {
        while ((await isWaiting()) && (await publishBatch(channel)) > 0);
      } catch (error) {
        log.warn({ err: error }, 'events wait in the outbox')
      }
    }
  }
  /** Mostly nothing does: one statement says so, in place of a transaction's four. */
  async function isWaiting(): Promise<boolean> {
    return (await store.query('select 1 from outbox where published_at is null limit 1')).rows.length > 0
  }
  async function publishBatch(to: ConfirmChannel): Promise<number> {
    return store.transaction(async (tx) => {
      const { rows: lock } = await tx.query(`select pg_try_advisory_xact_lock(hashtext('outbox')) as mine`)
      if (!lock[0].mine) return 0
      const { rows } = await tx.query<Row>('select id, topic, subject, data, traceparent, created_at from outbox where published_at is null order by position limit 100')
      await Promise.all(rows.map((row) => publish(to, row)))
      if (rows.length) await tx.query('update outbox set published_at = clock_timestamp() where id = any($1)', [rows.map((r) => r.id)])
      return rows.length
    })
  }
  function publish(to: ConfirmChannel, row: Row): Promise<void> {
    const startedAt = performance.now()
    const trace = continueTrace(row.traceparent ?? undefined)
    const sent = (error: unknown) => telemetry.record(trace, startedAt, () => ({
      kind: 'producer', name: `publish ${row.topic}`, isError: error !== undefined, attributes: { 'messaging.destination.name': row.topic, ...(error !== undefined && { 'error.type': 'not-confirmed' }) },
    }))
    const body = Buffer.from(JSON.stringify({
      specversion: '1.0', id: row.id, source: workload, type: row.topic, subject: row.subject, time: row.created_at.toISOString(), datacontenttype: 'application/json',
      ...(trace && { traceparent: traceparent(trace) }), data: row.data,
    }))
    const { key, certificate } = identity.data()
    return new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the broker did not confirm in 5 s')), 5_000)
      to.publish(EXCHANGE, row.topic, body, { persistent: true, contentType: 'application/cloudevents+json', messageId: row.id, headers: { signature: signEvent(body, key, certificate) } }, (error) => {
        clearTimeout(late)
        if (error) reject(error as Error)
        else resolve()
      })
    }).then(() => sent(undefined), (error: unknown) => { sent(error); throw error })
  }
  broker.onConnection(async (connection) => {
    const next = await connection.createConfirmChannel()
    next.on('error', (error: Error) => log.error({ err: error }, 'the broker refused an event'))
    next.on('close', () => {
      if (channel !== next) return
      channel = undefined
      void connection.close().catch(() => {}) // the supervisor makes a new one
    })
    channel = next
    nudge()
  })
  const stopListening = await store.listen('outbox', nudge)
  const retry = setInterval(nudge, 2_000)
  const cleaning = setInterval(() => void forget(store).catch((error: unknown) => log.warn({ err: error }, 'cleaning failed')), 600_000)
  return async () => {
    clearInterval(retry)
    clearInterval(cleaning)
    await stopListening()
    await pumping
  }
}

/** Sent events, seen events and old answers are kept as long as anyone may repeat them. */
async function forget(store: Store): Promise<void> {
  await store.query(`delete from outbox where published_at < now() - interval '7 days'`)
  await store.query(`delete from inbox where handled_at < now() - interval '14 days'`)
  await store.query(`delete from idempotency where created_at < now() - interval '24 hours'`)
}
