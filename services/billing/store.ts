/** Payments, invoices and the ledger in PostgreSQL. Amounts are minor units; bigint comes as a string and fits a number here. */
import { randomUUID } from 'node:crypto'
import type { Tx } from '@shop/chassis/store.ts'
import type { Entry } from './domain/ledger.ts'
import type { Status } from './domain/payment.ts'

export type PaymentLine = { productId: string; name: string; quantity: number; unitPriceMinor: number }
export type PaymentOrder = { customerId: string; name: string; address: object; amountMinor: number; currency: string; method: string; token: string; lines: PaymentLine[] }
export type Payment = {
  orderId: string; status: Status; isCancelled: boolean
  customerId: string | null; name: string; address: object; amountMinor: number; currency: string; method: string; token: string; lines: PaymentLine[]
  providerId: string | null; declineReason: string | null; settledAt: Date | null
}

const COLUMNS = `order_id as "orderId", status, is_cancelled as "isCancelled", customer_id as "customerId", name, address, amount_minor::float8 as "amountMinor",
  currency, method, instrument as token, lines, provider_id as "providerId", decline_reason as "declineReason", settled_at as "settledAt"`

/** Commits the intent to pay, once. */
export const insert = (tx: Tx, orderId: string, p: PaymentOrder) => tx.query(
  `insert into payments (order_id, status, customer_id, name, address, amount_minor, currency, method, instrument, lines)
   values ($1, 'requested', $2, $3, $4, $5, $6, $7, $8, $9) on conflict (order_id) do nothing`,
  [orderId, p.customerId, p.name, JSON.stringify(p.address), p.amountMinor, p.currency, p.method, p.token, JSON.stringify(p.lines)])

/** An order given up before its payment was asked for is remembered, so that a late request finds it cancelled. */
export const insertCancelled = (tx: Tx, orderId: string) =>
  tx.query(`insert into payments (order_id, status, is_cancelled) values ($1, 'cancelled', true) on conflict (order_id) do update set is_cancelled = true`, [orderId])

export async function lock(tx: Tx, orderId: string): Promise<Payment | undefined> {
  const { rows } = await tx.query<Payment>(`select ${COLUMNS} from payments where order_id = $1 for update`, [orderId])
  return rows[0]
}

export const setStatus = (tx: Tx, orderId: string, status: Status, about: { providerId?: string; declineReason?: string } = {}) => tx.query(
  'update payments set status = $2, provider_id = coalesce($3, provider_id), decline_reason = coalesce($4, decline_reason), updated_at = now() where order_id = $1',
  [orderId, status, about.providerId ?? null, about.declineReason ?? null])

/** Numbers run without gaps in each year: the counter's row is locked until this transaction ends. */
export async function issueInvoice(tx: Tx, orderId: string, year: number): Promise<string> {
  const { rows } = await tx.query<{ n: number }>('insert into invoice_years as y values ($1, 1) on conflict (year) do update set last_number = y.last_number + 1 returning last_number as n', [year])
  const number = `${year}-${String(rows[0]!.n).padStart(6, '0')}`
  await tx.query('insert into invoices (number, order_id) values ($1, $2)', [number, orderId])
  return number
}

export async function post(tx: Tx, orderId: string, kind: 'captured' | 'refunded', entries: Entry[], currency: string): Promise<void> {
  await tx.query(
    'insert into ledger (posting, order_id, kind, account, amount_minor, currency) select $1, $2, $3, e.account, e."amountMinor", $5 from jsonb_to_recordset($4::jsonb) as e(account text, "amountMinor" bigint)',
    [randomUUID(), orderId, kind, JSON.stringify(entries), currency])
}

export type Invoice = Payment & { number: string; issuedAt: Date }

export async function findInvoice(tx: Tx, orderId: string): Promise<Invoice | undefined> {
  const { rows } = await tx.query<Invoice>(`select ${COLUMNS}, number, issued_at as "issuedAt" from payments join invoices using (order_id) where order_id = $1`, [orderId])
  return rows[0]
}

/** False when this event came before. */
export async function rememberEvent(tx: Tx, id: string): Promise<boolean> {
  const { rowCount } = await tx.query('insert into provider_events (id) values ($1) on conflict do nothing', [id])
  return rowCount === 1
}

/** By our reference, which we committed before the provider's own id was known. False when it was settled already, or is not ours. */
export async function settle(tx: Tx, orderId: string): Promise<boolean> {
  const { rowCount } = await tx.query('update payments set settled_at = now() where order_id = $1 and settled_at is null', [orderId])
  return rowCount === 1
}
