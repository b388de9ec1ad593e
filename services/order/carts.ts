/** Carts in PostgreSQL, by subject: a user's id or 'guest:<uuid>'. */
import { problem } from '@shop/chassis/problem.ts'
import type { Tx } from '@shop/chassis/store.ts'
import { CART_LINES, merged, type CartLine } from './domain/cart.ts'

const CartFull = problem('cart-full', 409, 'The cart holds as many different products as it may', 'Order in two parts')

export async function linesOf(tx: Tx, subject: string): Promise<CartLine[]> {
  const { rows } = await tx.query('select product_id, quantity from cart_lines where subject = $1 order by position', [subject])
  return rows.map((row) => ({ productId: row.product_id, quantity: row.quantity }))
}

/** The lines, with the cart locked until the transaction ends. */
export async function lockCart(tx: Tx, subject: string): Promise<CartLine[]> {
  await tx.query('insert into carts (subject) values ($1) on conflict (subject) do update set touched_at = now()', [subject])
  return linesOf(tx, subject)
}

/** Throws cart-full. */
export async function putLine(tx: Tx, subject: string, { productId, quantity }: CartLine): Promise<void> {
  const present = await lockCart(tx, subject)
  if (present.length >= CART_LINES && !present.some((l) => l.productId === productId)) throw CartFull({ detail: `A cart holds at most ${CART_LINES} different products` })
  await tx.query(
    `insert into cart_lines (subject, product_id, quantity) values ($1, $2, $3)
     on conflict (subject, product_id) do update set quantity = excluded.quantity`, [subject, productId, quantity])
}

export async function removeLine(tx: Tx, subject: string, productId: string): Promise<void> {
  await tx.query('delete from cart_lines where subject = $1 and product_id = $2', [subject, productId])
}

/** Moves the guest's lines into the user's cart; the guest's cart is gone afterwards. */
export async function mergeCarts(tx: Tx, subject: string, guest: string): Promise<void> {
  await addLines(tx, subject, await lockCart(tx, guest))
  await clearCart(tx, guest)
}

export async function addLines(tx: Tx, subject: string, lines: CartLine[]): Promise<void> {
  const all = merged(await lockCart(tx, subject), lines)
  await tx.query(
    `insert into cart_lines (subject, product_id, quantity) select $1, l."productId", l.quantity from jsonb_to_recordset($2) as l("productId" uuid, quantity int)
     on conflict (subject, product_id) do update set quantity = excluded.quantity`, [subject, JSON.stringify(all)])
}

export async function clearCart(tx: Tx, subject: string): Promise<void> {
  await tx.query('delete from carts where subject = $1', [subject])
}

/** Guests come and go; their carts stay a month. */
export async function forgetGuests(tx: Tx): Promise<number> {
  return (await tx.query(`delete from carts where subject like 'guest:%' and touched_at < now() - interval '30 days'`)).rowCount ?? 0
}
