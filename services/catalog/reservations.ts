/**
 * Stock held for orders (A6). Locks are always taken in the same order, the reservation and then its products by id,
 * so that concurrent orders wait for each other and never deadlock.
 */
import { Conflict, InputInvalid, NotFound, problem } from '@shop/chassis/problem.ts'
import type { Store, Tx } from '@shop/chassis/store.ts'
import { apply, type ReservationCommand, type ReservationState, type Step } from './domain/reservation.ts'
import { repeated, shortages, type Line } from './domain/stock.ts'
import { quotes } from './store.ts'

const OutOfStock = problem('out-of-stock', 409, 'There is not enough of this in stock', 'Lower the quantities named in errors')

type ReservedLine = { productId: string; number: string; name: string; seller: string; quantity: number; unitPriceMinor: number; currency: string }
export type Reservation = { orderId: string; expiresAt: string; lines: ReservedLine[] }

type Held = { state: ReservationState; lines: ReservedLine[]; expires_at: Date }

/**
 * Holds stock for an order until `expiresAt`; the same order again is answered as before.
 * Throws out-of-stock with the lines, conflict for an order that was released or that named other lines.
 */
export async function reserve(tx: Tx, orderId: string, lines: Line[], expiresAt: Date): Promise<Reservation> {
  if (repeated(lines).length) throw InputInvalid({ errors: [{ field: 'body.lines', message: 'a product stands in more than one line' }] })
  // The row first: a second request for the order waits here. It holds nothing yet, and vanishes with a refusal.
  const { rowCount: isNew } = await tx.query(`insert into reservations (order_id, state, lines, expires_at) values ($1, 'expired', '[]', $2) on conflict do nothing`, [orderId, expiresAt])
  const held = (await lock(tx, orderId))!
  const step = stepOf(isNew ? null : held.state, 'reserve', orderId)
  if (!isNew && !isSame(held.lines, lines)) throw Conflict({ detail: 'This order already holds other lines' })
  if (step.stock === 'keep') return { orderId, expiresAt: held.expires_at.toISOString(), lines: held.lines }
  await take(tx, lines)
  const found = new Map((await quotes(tx, lines.map((l) => l.productId))).map((q) => [q.productId, q]))
  const reserved = lines.map(({ productId, quantity }) => {
    const { number, name, seller, unitPriceMinor, currency } = found.get(productId)!
    return { productId, number, name, seller, quantity, unitPriceMinor, currency }
  })
  await tx.query('update reservations set state = $2, lines = $3, expires_at = $4, changed_at = now() where order_id = $1', [orderId, step.next, JSON.stringify(reserved), expiresAt])
  return { orderId, expiresAt: expiresAt.toISOString(), lines: reserved }
}

/** What is held is sold. Throws not-found, conflict after a release, out-of-stock when it expired and the goods are gone. */
export async function commit(tx: Tx, orderId: string): Promise<void> {
  const held = await lock(tx, orderId)
  await change(tx, orderId, held, stepOf(held?.state ?? null, 'commit', orderId))
}

/** Gives back what is held or sold, once. An order not heard of yet is remembered as released. */
export async function release(tx: Tx, orderId: string): Promise<void> {
  const { rowCount: isNew } = await tx.query(`insert into reservations (order_id, state, lines, expires_at) values ($1, 'released', '[]', now()) on conflict do nothing`, [orderId])
  if (isNew) return
  const held = await lock(tx, orderId)
  await change(tx, orderId, held, stepOf(held!.state, 'release', orderId))
}

/** Gives back what expired unpaid; any number of instances may run it at once. Returns how many orders that was. */
export const expire = (store: Store, limit = 50): Promise<number> => store.transaction(async (tx) => {
  const { rows } = await tx.query<Held & { order_id: string }>(
    `select order_id, state, lines, expires_at from reservations where state = 'held' and expires_at < now() order by expires_at limit $1 for update skip locked`, [limit])
  for (const row of rows) await change(tx, row.order_id, row, stepOf(row.state, 'expire', row.order_id))
  return rows.length
})

async function change(tx: Tx, orderId: string, held: Held | null, step: Step): Promise<void> {
  if (held!.state === step.next) return
  if (step.stock === 'take') await take(tx, held!.lines)
  if (step.stock === 'give') {
    await shelf(tx, held!.lines)
    await move(tx, held!.lines, 1)
  }
  await tx.query('update reservations set state = $2, changed_at = now() where order_id = $1', [orderId, step.next])
}

/** Takes all lines or none. */
async function take(tx: Tx, lines: Line[]): Promise<void> {
  const short = shortages(await shelf(tx, lines), lines)
  if (short.length) throw OutOfStock({ errors: short.map((s) => ({ field: `lines[${s.index}].quantity`, message: `${s.available} of ${s.productId} left` })) })
  await move(tx, lines, -1)
}

/** The stock of these products, which stay locked until the transaction ends. */
async function shelf(tx: Tx, lines: Line[]): Promise<Map<string, number>> {
  const { rows } = await tx.query<{ id: string; stock: number }>('select id, stock from products where id = any($1::uuid[]) order by id for update', [lines.map((l) => l.productId)])
  return new Map(rows.map((r) => [r.id, r.stock]))
}

const move = (tx: Tx, lines: Line[], sign: 1 | -1) => tx.query(
  `update products p set stock = stock + $2 * l.quantity, version = version + 1 from jsonb_to_recordset($1) as l("productId" uuid, quantity int) where p.id = l."productId"`,
  [JSON.stringify(lines), sign])

async function lock(tx: Tx, orderId: string): Promise<Held | null> {
  const { rows } = await tx.query<Held>('select state, lines, expires_at from reservations where order_id = $1 for update', [orderId])
  return rows[0] ?? null
}

function stepOf(state: ReservationState | null, command: ReservationCommand, orderId: string): Step {
  const step = apply(state, command)
  if (!('refused' in step)) return step
  throw step.refused === 'unknown' ? NotFound() : Conflict({ detail: `The reservation of this order is ${state}`, evidence: { orderId, command } })
}

const isSame = (held: Line[], wanted: Line[]): boolean => {
  const key = (lines: Line[]) => lines.map((l) => `${l.productId} ${l.quantity}`).sort().join()
  return key(held) === key(wanted)
}
