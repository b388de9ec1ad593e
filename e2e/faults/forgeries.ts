/** Books that were tampered with on the way: each must be noticed, or an empty list of faults would prove nothing. */
import type { Ask } from './books.ts'

/** What is changed: rows of which table, and how. */
const FORGERIES: Record<string, [table: string, change: (rows: any[]) => any[]]> = {
  'an order that is lost': ['orders', (rows) => rows.slice(1)],
  'an order made twice': ['orders', (rows) => [...rows, { ...rows[0], id: '00000000-0000-4000-8000-000000000000' }]],
  'an order left half done': ['orders', (rows) => rows.map((row, i) => (i === 0 ? { ...row, status: 'authorized' } : row))],
  'an order that someone still works on': ['orders', (rows) => rows.map((row, i) => (i === 0 ? { ...row, due_at: new Date() } : row))],
  'goods paid for and not sent': ['shipments', (rows) => rows.filter((row, i) => row.customer_id === null || i > rows.findIndex((r) => r.customer_id !== null && r.status !== 'cancelled'))],
  'a parcel that left twice': ['shipments', (rows) => rows.map((row) => ({ ...row, repeated: 1 }))],
  'a payment of another state': ['payments', (rows) => rows.map((row) => ({ ...row, status: 'capturing' }))],
  'a cent too much in our ledger': ['ledger', (rows) => rows.map((row) => ('minor' in row ? { ...row, minor: row.minor + 1 } : row))],
  'a ledger that does not balance': ['ledger', (rows) => rows.map((row) => ('sum' in row ? { ...row, sum: 1 } : row))],
  'stock still held': ['reservations', (rows) => rows.map((row) => ({ ...row, state: 'held' }))],
  'one piece too few': ['products', (rows) => rows.map((row) => ({ ...row, stock: row.stock - 1 }))],
  'a gap in the invoices': ['invoices', (rows) => rows.map((row) => ({ ...row, last: row.last + 1 }))],
  'an event never sent': ['outbox', (rows) => rows.map((row) => ({ ...row, waiting: row.waiting + 1 }))],
}

export const forgeries = (ask: Ask): [string, Ask][] => Object.entries(FORGERIES).map(([what, [table, change]]) => [
  what, async (database, text, values) => {
    const rows = await ask(database, text, values)
    return new RegExp(`from ${table}\\b`).test(text) ? change(rows) : rows
  },
])
