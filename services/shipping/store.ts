/** Shipments in PostgreSQL. One row for each order, whichever of request and event comes first (A5, A6). */
import type { Tx } from '@shop/chassis/store.ts'
import type { Line, Package } from './domain/bill-of-lading.ts'
import type { Priority, Status } from './domain/shipment.ts'

export type Address = { recipient: string; line1: string; line2?: string; postalCode: string; city: string; country: string }
export type ShippingOrder = { customerId: string; priority: Priority; address: Address; lines: Line[] }
export type Shipment = {
  id: string; number: string; orderId: string; customerId: string; status: Status; priority: Priority
  address: Address; packages: Package[]; tracking: { status: Status; at: Date }[]
}

const FIND = `
  select s.id, s.number, s.order_id as "orderId", s.customer_id as "customerId", s.status, s.priority, s.address, s.packages,
    (select json_agg(json_build_object('status', t.status, 'at', t.at) order by t.position) from tracking t where t.shipment_id = s.id) as tracking
  from shipments s`

export async function findByOrder(tx: Tx, orderId: string): Promise<Shipment | undefined> {
  const { rows } = await tx.query<Shipment>(`${FIND} where s.order_id = $1 and s.customer_id is not null`, [orderId])
  return rows[0]
}

/** False when the order has a row already: a shipment, or the note that it was cancelled. */
export async function insert(tx: Tx, orderId: string, order: ShippingOrder, packages: Package[], nextStepAt: Date): Promise<boolean> {
  const { rows } = await tx.query<{ id: string }>(
    `insert into shipments (order_id, customer_id, status, priority, address, packages, next_step_at)
     values ($1, $2, 'created', $3, $4, $5, $6) on conflict (order_id) do nothing returning id`,
    [orderId, order.customerId, order.priority, JSON.stringify(order.address), JSON.stringify(packages), nextStepAt])
  if (!rows[0]) return false
  await track(tx, rows[0].id, 'created')
  return true
}

/** Remembers that an order will not be shipped; returns the status of the row that holds. Locks it. */
export async function cancelOrLock(tx: Tx, orderId: string): Promise<{ id: string; status: Status }> {
  await tx.query(`insert into shipments (order_id, status, priority) values ($1, 'cancelled', 'standard') on conflict (order_id) do nothing`, [orderId])
  const { rows } = await tx.query<{ id: string; status: Status }>('select id, status from shipments where order_id = $1 for update', [orderId])
  return rows[0]!
}

/** Locks one shipment whose next step is due, so that no two instances move it. */
export async function lockDue(tx: Tx, now: Date): Promise<{ id: string; orderId: string; status: Status; priority: Priority } | undefined> {
  const { rows } = await tx.query('select id, order_id as "orderId", status, priority from shipments where next_step_at <= $1 order by next_step_at limit 1 for update skip locked', [now])
  return rows[0]
}

export async function move(tx: Tx, id: string, status: Status, nextStepAt: Date | null): Promise<void> {
  await tx.query('update shipments set status = $2, next_step_at = $3 where id = $1', [id, status, nextStepAt])
  await track(tx, id, status)
}

const track = (tx: Tx, id: string, status: Status) => tx.query('insert into tracking (shipment_id, status) values ($1, $2)', [id, status])
