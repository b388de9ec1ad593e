/** Orders in PostgreSQL, with the state of their saga and the lease of the worker that drives it. */
import type { Store, Tx } from '@shop/chassis/store.ts'
import type { OrderLine } from './domain/cart.ts'
import { newSaga, statusOf, type Saga, type Status } from './domain/saga.ts'
import type { Address } from './profiles.ts'

export type Order = {
  id: string; number: string; subject: string; name: string; address: Address; lines: OrderLine[]; totalMinor: number; currency: string
  method: 'card' | 'bank-account'
  /** Null once the payment is decided. */
  paymentToken: string | null
  placedAt: Date; traceparent: string
  history: { status: Status; at: string }[]
  version: number; saga: Saga; attempts: number
}
export type Draft = Pick<Order, 'subject' | 'name' | 'address' | 'lines' | 'totalMinor' | 'currency' | 'method' | 'traceparent'> & { paymentToken: string; delivery: Saga['delivery'] }

const orderOf = (row: any): Order => ({
  id: row.id, number: row.number, subject: row.subject, name: row.name, address: row.address, lines: row.lines, totalMinor: Number(row.total_minor), currency: row.currency,
  method: row.method, paymentToken: row.payment_token, placedAt: row.placed_at, traceparent: row.traceparent ?? '', history: row.history, version: row.version, saga: row.saga, attempts: row.attempts,
})
const first = (rows: any[]): Order | null => (rows[0] ? orderOf(rows[0]) : null)

/** Workers hear of it when the transaction commits. */
export async function insert(tx: Tx, o: Draft): Promise<Order> {
  const { rows } = await tx.query(
    `insert into orders (subject, name, address, lines, total_minor, currency, method, payment_token, traceparent, saga, history)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, jsonb_build_array(jsonb_build_object('status', 'placed', 'at', ${NOW}))) returning *`,
    [o.subject, o.name, JSON.stringify(o.address), JSON.stringify(o.lines), o.totalMinor, o.currency, o.method, o.paymentToken, o.traceparent || null, JSON.stringify(newSaga(o.delivery))])
  await nudge(tx)
  return orderOf(rows[0])
}

export const find = async (tx: Tx, id: string): Promise<Order | null> => first((await tx.query('select * from orders where id = $1', [id])).rows)
export const lock = async (tx: Tx, id: string): Promise<Order | null> => first((await tx.query('select * from orders where id = $1 for update', [id])).rows)

/** Newest first; of everybody when `subject` is null. */
export async function list(tx: Tx, subject: string | null, page: number, pageSize: number): Promise<{ items: Order[]; total: number }> {
  const { rows } = await tx.query('select * from orders where $1::text is null or subject = $1 order by placed_at desc, id limit $2 offset $3', [subject, pageSize, (page - 1) * pageSize])
  const { rows: counted } = await tx.query('select count(*) as total from orders where $1::text is null or subject = $1', [subject])
  return { items: rows.map(orderOf), total: Number(counted[0].total) }
}

/** Who goes on with an order, and when. keep: the step in flight goes on; mine: this worker does the next step at once. */
export type Then = { work: 'keep' } | { work: 'mine'; by: string; leaseMs: number } | { work: 'in'; ms: number } | { work: 'none' }

/** Stores a locked order's next state. */
export async function save(tx: Tx, order: Order, saga: Saga, then: Then): Promise<Order> {
  const status = statusOf(saga)
  const isDecided = saga.payment !== 'pending'
  const { rows } = await tx.query(
    `update orders set saga = $2, status = $3, version = version + 1, payment_token = case when $4 then null else payment_token end,
       history = case when status = $3 then history else history || jsonb_build_object('status', $3::text, 'at', ${NOW}) end,
       attempts = case when $5 = 'keep' then attempts else 0 end,
       due_at = case $5 when 'keep' then due_at when 'none' then null else now() + $6 * interval '1 ms' end,
       leased_by = case $5 when 'keep' then leased_by when 'mine' then $7 end,
       leased_until = case $5 when 'keep' then leased_until when 'mine' then now() + $8 * interval '1 ms' end
     where id = $1 returning *`,
    [order.id, JSON.stringify(saga), status, isDecided, then.work, then.work === 'in' ? then.ms : 0, then.work === 'mine' ? then.by : null, then.work === 'mine' ? then.leaseMs : 0])
  if (then.work === 'in' && then.ms === 0) await nudge(tx)
  return orderOf(rows[0])
}

/**
 * Takes due orders that nobody works on. The lease is the committed intent: a worker that dies leaves the order in the
 * state whose step it was doing, and when the lease ends the same step is done again with the same key.
 */
export async function claim(store: Store, by: string, leaseMs: number, limit: number): Promise<Order[]> {
  const { rows } = await store.query(
    `update orders o set leased_by = $1, leased_until = now() + $2 * interval '1 ms', attempts = o.attempts + 1
     from (select id from orders where due_at <= now() and (leased_until is null or leased_until < now()) order by due_at limit $3 for update skip locked) due
     where o.id = due.id returning o.*`, [by, leaseMs, limit])
  return rows.map(orderOf)
}

/** Puts an order back for a later attempt, if it is still this worker's. */
export async function postpone(store: Store, order: Order, by: string, ms: number): Promise<void> {
  await store.query(`update orders set due_at = now() + $3 * interval '1 ms', leased_by = null, leased_until = null where id = $1 and leased_by = $2`, [order.id, by, ms])
}

/** What a former life of this instance held is free at once. */
export async function releaseLeases(store: Store, by: string): Promise<void> {
  await store.query('update orders set leased_by = null, leased_until = null where leased_by = $1', [by])
}

const NOW = `to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const nudge = (tx: Tx) => tx.query(`select pg_notify('saga', '')`)
