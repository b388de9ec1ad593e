/** What the sandbox keeps. Every statement here runs in the transaction of the request that caused it. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Tx } from '@shop/chassis/store.ts'
import type { Behaviour, Method } from './instruments.ts'
import { publicPayment, type Payment } from './payment.ts'

const COLUMNS = `id, reference, method, status, decline_reason as "declineReason", amount_minor::float8 as "amountMinor", currency, refunded_minor::float8 as "refundedMinor", settled_at as "settledAt", created_at as "createdAt"`
const TOKEN_SECONDS = 1_800

export type Stored = Payment & { behaviour: Behaviour }
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** A new token: 128 random bits. */
export async function insertToken(tx: Tx, { method, behaviour, hint }: { method: Method; behaviour: Behaviour; hint: string }): Promise<string> {
  const token = `tok_${randomBytes(16).toString('base64url')}`
  await tx.query(`insert into token (hash, method, behaviour, hint, expires_at) values ($1, $2, $3, $4, now() + make_interval(secs => $5))`, [hashOf(token), method, behaviour, hint, TOKEN_SECONDS])
  return token
}

/** Takes a token for one payment; null when unknown, run out or taken. The row lock makes two at once one. */
export async function takeToken(tx: Tx, token: string, paymentId: string): Promise<{ method: Method; behaviour: Behaviour } | null> {
  const { rows } = await tx.query<{ method: Method; behaviour: Behaviour }>(`update token set payment_id = $2 where hash = $1 and payment_id is null and expires_at > now() returning method, behaviour`, [hashOf(token), paymentId])
  return rows[0] ?? null
}

export async function insertPayment(tx: Tx, p: { id: string; reference: string; amountMinor: number; currency: string; method: Method; behaviour: Behaviour }): Promise<Stored> {
  const declineReason = p.behaviour.startsWith('decline:') ? p.behaviour.slice('decline:'.length) : null
  const { rows } = await tx.query<Stored>(
    `insert into payment (id, reference, method, behaviour, status, decline_reason, amount_minor, currency) values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${COLUMNS}, behaviour`,
    [p.id, p.reference, p.method, p.behaviour, declineReason ? 'declined' : 'authorized', declineReason, p.amountMinor, p.currency])
  return rows[0]!
}

export const lockPayment = async (tx: Tx, id: string): Promise<Stored | undefined> => (await tx.query<Stored>(`select ${COLUMNS}, behaviour from payment where id = $1 for update`, [id])).rows[0]

export async function updatePayment(tx: Tx, id: string, { status, refundedMinor }: { status: string; refundedMinor: number }, settleInSeconds: number | null): Promise<Stored> {
  const { rows } = await tx.query<Stored>(
    `update payment set status = $2, refunded_minor = $3, settle_at = coalesce(now() + make_interval(secs => $4), settle_at) where id = $1 returning ${COLUMNS}, behaviour`, [id, status, refundedMinor, settleInSeconds])
  return rows[0]!
}

export const findByReference = async (tx: Tx, reference: string): Promise<Payment[]> =>
  (await tx.query<Payment>(`select ${COLUMNS} from payment where reference = $1 order by created_at, id limit 100`, [reference])).rows

/** Marks payments whose bank has had its time. */
export const takeSettled = async (tx: Tx): Promise<Stored[]> =>
  (await tx.query<Stored>(
    `update payment set settled_at = now() where id in (select id from payment where settled_at is null and settle_at <= now() order by settle_at limit 50 for update skip locked)
     returning ${COLUMNS}, behaviour`)).rows

export type LedgerEntry = 'authorized' | 'captured' | 'voided' | 'refunded' | 'settled'

/** Entries become visible in the order of their ids: a reader that asks for what came after the last one misses none. */
export async function appendLedger(tx: Tx, { id, reference, currency }: Payment, entry: LedgerEntry, amountMinor: number): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(7001)')
  await tx.query('insert into ledger (payment_id, reference, entry, amount_minor, currency) values ($1, $2, $3, $4, $5)', [id, reference, entry, amountMinor, currency])
}

export const readLedger = async (tx: Tx, after: number, limit: number) =>
  (await tx.query<{ id: number; at: Date; paymentId: string; reference: string; entry: LedgerEntry; amountMinor: number; currency: string }>(
    `select id::float8 as id, at, payment_id as "paymentId", reference, entry, amount_minor::float8 as "amountMinor", currency from ledger where id > $1 order by id limit $2`, [after, limit])).rows

/** Puts a notice in the queue, with the change it speaks of or not at all. */
export async function addWebhook(tx: Tx, payment: Stored, type: string): Promise<void> {
  const { behaviour, ...rest } = payment
  const payload = JSON.stringify({ id: `evt_${randomUUID()}`, type, createdAt: new Date().toISOString(), reference: payment.reference, payment: publicPayment(rest) })
  for (let i = 0; i < (behaviour === 'twice' ? 2 : 1); i++) await tx.query('insert into webhook (payload) values ($1)', [payload])
}
